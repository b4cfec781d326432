-- Who speaks. Automatic ones are called "Speaker 4", by their id; known ones have names that people gave.
CREATE TABLE speakers (
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given again: others may still speak of who is gone
  name TEXT NOT NULL UNIQUE COLLATE NOCASE,
  known INTEGER NOT NULL,
  created INTEGER NOT NULL,
  -- Source: M. Okabe and K. Ito, "Color Universal Design" (2008), then P. Tol's muted scheme.
  colour TEXT GENERATED ALWAYS AS (substr(
    '#0072b2#e69f00#009e73#d55e00#cc79a7#56b4e9#882255#999933#332288#aa4499#44aa99#f0e442', 1 + 7 * ((id - 1) % 12), 7
  )) VIRTUAL
);
CREATE TABLE voiceprints (
  speaker INTEGER PRIMARY KEY REFERENCES speakers (id) ON DELETE CASCADE,
  model TEXT NOT NULL,
  embeddings BLOB NOT NULL,
  updated INTEGER NOT NULL
);
-- Who was merged into another (now), or forgotten (no now), with or without their words. Who is in `speakers`, too, is
-- not wholly gone yet.
CREATE TABLE former_speakers (
  id INTEGER PRIMARY KEY,
  now INTEGER,
  words_gone INTEGER NOT NULL DEFAULT 0
);

-- From now on `speaker` is the id as text.
ALTER TABLE utterances ADD COLUMN speaker_confidence REAL;
ALTER TABLE utterances ADD COLUMN overlapped INTEGER NOT NULL DEFAULT 0;
INSERT OR IGNORE INTO speakers (name, known, created)
  SELECT speaker, 1, min(id) >> 20 FROM utterances WHERE speaker <> '' GROUP BY speaker ORDER BY min(id);
UPDATE utterances SET speaker = (SELECT id FROM speakers WHERE name = utterances.speaker) WHERE speaker <> '';

-- Another number after each change. It begins anywhere, so that a new database has another than the one before.
INSERT INTO state (name, value) VALUES ('speakers_version', abs(random() % 1000000000));
CREATE TRIGGER speaker_added AFTER INSERT ON speakers BEGIN
  UPDATE state SET value = value + 1 WHERE name = 'speakers_version';
END;
CREATE TRIGGER speaker_changed AFTER UPDATE ON speakers BEGIN
  UPDATE state SET value = value + 1 WHERE name = 'speakers_version';
END;
CREATE TRIGGER speaker_removed AFTER DELETE ON speakers BEGIN
  UPDATE state SET value = value + 1 WHERE name = 'speakers_version';
END;
CREATE TRIGGER voiceprint_added AFTER INSERT ON voiceprints BEGIN
  UPDATE state SET value = value + 1 WHERE name = 'speakers_version';
END;
CREATE TRIGGER voiceprint_changed AFTER UPDATE ON voiceprints BEGIN
  UPDATE state SET value = value + 1 WHERE name = 'speakers_version';
END;
CREATE TRIGGER voiceprint_removed AFTER DELETE ON voiceprints BEGIN
  UPDATE state SET value = value + 1 WHERE name = 'speakers_version';
END;
CREATE TRIGGER former_speaker_added AFTER INSERT ON former_speakers BEGIN
  UPDATE state SET value = value + 1 WHERE name = 'speakers_version';
END;
CREATE TRIGGER former_speaker_changed AFTER UPDATE ON former_speakers BEGIN
  UPDATE state SET value = value + 1 WHERE name = 'speakers_version';
END;
