-- Times are milliseconds since 1970 in UTC. An utterance's id is its start and 20 random bits (ids.py), so the order of
-- ids is the order of time, and a range of time is a range of ids, in the full-text index too.
CREATE TABLE sources (
  id INTEGER PRIMARY KEY,
  slug TEXT NOT NULL UNIQUE,
  bytes INTEGER NOT NULL DEFAULT 0  -- of text and words, kept by the triggers below
);

CREATE TABLE utterances (
  id INTEGER PRIMARY KEY,
  source INTEGER NOT NULL REFERENCES sources (id),
  "end" INTEGER NOT NULL,
  audio_start REAL NOT NULL,  -- seconds in the source's sound
  audio_end REAL NOT NULL,
  text TEXT NOT NULL,
  language TEXT NOT NULL,
  speaker TEXT NOT NULL,
  engine TEXT NOT NULL,
  confidence REAL,
  revision INTEGER NOT NULL,
  words TEXT NOT NULL,  -- JSON: [[text, start, end, confidence], …]
  bytes INTEGER GENERATED ALWAYS AS (length(CAST(text AS BLOB)) + length(CAST(words AS BLOB))) VIRTUAL,
  -- One token for each thing to filter by, so that the full-text index alone finds the hits of a rare source.
  labels TEXT GENERATED ALWAYS AS ('s' || source || ' l' || hex(language) || ' p' || hex(speaker)) VIRTUAL
);
CREATE INDEX utterances_by_end ON utterances (source, "end");
CREATE INDEX utterances_by_speaker ON utterances (speaker) WHERE speaker <> '';

CREATE VIRTUAL TABLE utterance_index USING fts5 (
  text, labels, content = 'utterances', content_rowid = 'id', tokenize = 'unicode61', prefix = '2 3'
);

CREATE TRIGGER utterance_added AFTER INSERT ON utterances BEGIN
  INSERT INTO utterance_index (rowid, text, labels) VALUES (new.id, new.text, new.labels);
  UPDATE sources SET bytes = bytes + new.bytes WHERE id = new.source;
END;
CREATE TRIGGER utterance_removed AFTER DELETE ON utterances BEGIN
  INSERT INTO utterance_index (utterance_index, rowid, text, labels)
    VALUES ('delete', old.id, old.text, old.labels);
  UPDATE sources SET bytes = bytes - old.bytes WHERE id = old.source;
END;
CREATE TRIGGER utterance_revised AFTER UPDATE ON utterances BEGIN
  INSERT INTO utterance_index (utterance_index, rowid, text, labels)
    VALUES ('delete', old.id, old.text, old.labels);
  INSERT INTO utterance_index (rowid, text, labels) VALUES (new.id, new.text, new.labels);
  UPDATE sources SET bytes = bytes - old.bytes WHERE id = old.source;
  UPDATE sources SET bytes = bytes + new.bytes WHERE id = new.source;
END;
