-- An alert that an utterance gave rise to is forgotten with it.
CREATE TABLE alerts (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,  -- milliseconds since 1970 in UTC
  rule TEXT NOT NULL,
  utterance INTEGER REFERENCES utterances (id) ON DELETE CASCADE,
  detail TEXT NOT NULL  -- JSON
);
CREATE INDEX alerts_by_time ON alerts (at);
CREATE INDEX alerts_by_utterance ON alerts (utterance);
