-- An alert as it was told last. Its utterance may come later, or never: so there is no reference, but an alert that an
-- utterance gave rise to is forgotten with it.
CREATE TABLE alerts (
  id INTEGER PRIMARY KEY,  -- as an utterance's: in the order of time
  at INTEGER NOT NULL,  -- of the phase; milliseconds since 1970 in UTC
  rule TEXT NOT NULL,
  kind TEXT NOT NULL,
  source TEXT NOT NULL,  -- a slug; empty for the box itself
  severity TEXT NOT NULL,
  phase TEXT NOT NULL,
  summary TEXT NOT NULL,
  utterance INTEGER,
  detail TEXT NOT NULL  -- JSON: [[name, value], …]
);
CREATE INDEX alerts_by_utterance ON alerts (utterance) WHERE utterance IS NOT NULL;
CREATE TRIGGER utterance_of_alert_removed AFTER DELETE ON utterances BEGIN
  DELETE FROM alerts WHERE utterance IS NOT NULL AND utterance = old.id;
END;
