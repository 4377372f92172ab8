-- What may come to be an alert, for as long as it counts.
CREATE TABLE alert_signs (
    kind        text        NOT NULL,
    -- whom or what it is about
    subject     text        NOT NULL,
    position    bigint      NOT NULL,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (kind, subject, position)
);

-- What admins were told.
CREATE TABLE alerts (
    id          uuid PRIMARY KEY,
    kind        text        NOT NULL,
    subject     text        NOT NULL,
    position    bigint      NOT NULL,
    occurred_at timestamptz NOT NULL
);
CREATE INDEX alerts_latest ON alerts (kind, subject, occurred_at);

-- A past of before is no news.
INSERT INTO checkpoints (consumer, log_epoch, decides_after)
SELECT 'alerts', log_epoch, position FROM checkpoints WHERE consumer = 'account_mails'
ON CONFLICT DO NOTHING;
