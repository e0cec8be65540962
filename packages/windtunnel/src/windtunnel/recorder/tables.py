"""The layout of the recorder's SQLite file."""

from __future__ import annotations

SCHEMA_VERSION = 2

_RUNS = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS projects (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    entity TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL DEFAULT '', created_at REAL NOT NULL,
    UNIQUE (entity, name)
);
CREATE TABLE IF NOT EXISTS runs (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    entity TEXT NOT NULL, project TEXT NOT NULL, name TEXT NOT NULL,
    display_name TEXT, state TEXT NOT NULL, exit_code INTEGER, stopped INTEGER NOT NULL DEFAULT 0,
    config TEXT NOT NULL DEFAULT '{}', summary TEXT NOT NULL DEFAULT '{}',
    created_at REAL NOT NULL, heartbeat_at REAL NOT NULL,
    "group" TEXT, job_type TEXT, notes TEXT, description TEXT, "commit" TEXT, tags TEXT NOT NULL DEFAULT '[]',
    UNIQUE (entity, project, name)
);
CREATE TABLE IF NOT EXISTS starts (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
    phase TEXT NOT NULL, resumed INTEGER NOT NULL, at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS starts_by_run ON starts (run);
CREATE TABLE IF NOT EXISTS lines (
    run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
    stream TEXT NOT NULL, number INTEGER NOT NULL, step INTEGER, text TEXT NOT NULL,
    PRIMARY KEY (run, stream, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lines_by_step ON lines (run, stream, step);
CREATE TABLE IF NOT EXISTS alerts (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
    title TEXT NOT NULL, text TEXT NOT NULL, severity TEXT NOT NULL, at REAL NOT NULL
);
"""

_ARTIFACTS = """
CREATE TABLE IF NOT EXISTS collections (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    entity TEXT NOT NULL, project TEXT NOT NULL, name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('sequence', 'portfolio')), type TEXT NOT NULL, description TEXT,
    created_at REAL NOT NULL, updated_at REAL NOT NULL,
    UNIQUE (entity, project, name)
);
CREATE TABLE IF NOT EXISTS artifacts (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    sequence INTEGER NOT NULL REFERENCES collections (key) ON DELETE CASCADE,
    run INTEGER REFERENCES runs (key) ON DELETE SET NULL,
    state TEXT NOT NULL, version INTEGER, digest TEXT NOT NULL, algorithm TEXT NOT NULL,
    description TEXT, metadata TEXT, labels TEXT, ttl_seconds INTEGER, history_step INTEGER, distributed_id TEXT,
    pending_aliases TEXT NOT NULL DEFAULT '[]', tags TEXT NOT NULL DEFAULT '[]',
    size INTEGER NOT NULL DEFAULT 0, file_count INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL, updated_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS artifacts_by_digest ON artifacts (sequence, digest);
CREATE TABLE IF NOT EXISTS artifact_clients (
    client TEXT PRIMARY KEY, artifact INTEGER NOT NULL REFERENCES artifacts (key) ON DELETE CASCADE
);
CREATE TABLE IF NOT EXISTS memberships (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    collection INTEGER NOT NULL REFERENCES collections (key) ON DELETE CASCADE,
    artifact INTEGER NOT NULL REFERENCES artifacts (key) ON DELETE CASCADE,
    version INTEGER NOT NULL, created_at REAL NOT NULL,
    UNIQUE (collection, artifact)
);
CREATE TABLE IF NOT EXISTS aliases (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    collection INTEGER NOT NULL REFERENCES collections (key) ON DELETE CASCADE,
    artifact INTEGER NOT NULL REFERENCES artifacts (key) ON DELETE CASCADE,
    alias TEXT NOT NULL,
    UNIQUE (collection, alias)
);
CREATE TABLE IF NOT EXISTS collection_tags (
    collection INTEGER NOT NULL REFERENCES collections (key) ON DELETE CASCADE, tag TEXT NOT NULL,
    PRIMARY KEY (collection, tag)
);
CREATE TABLE IF NOT EXISTS run_artifacts (
    run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
    artifact INTEGER NOT NULL REFERENCES artifacts (key) ON DELETE CASCADE,
    direction TEXT NOT NULL CHECK (direction IN ('input', 'output')), at REAL NOT NULL,
    PRIMARY KEY (run, artifact, direction)
);
CREATE TABLE IF NOT EXISTS manifests (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    artifact INTEGER NOT NULL REFERENCES artifacts (key) ON DELETE CASCADE,
    base INTEGER REFERENCES artifacts (key) ON DELETE SET NULL,
    name TEXT NOT NULL, type TEXT NOT NULL, digest TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS manifests_by_artifact ON manifests (artifact);
"""

_FILES = """
CREATE TABLE IF NOT EXISTS files (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER REFERENCES runs (key) ON DELETE CASCADE,
    artifact INTEGER REFERENCES artifacts (key) ON DELETE CASCADE,
    manifest INTEGER REFERENCES manifests (key) ON DELETE CASCADE,
    name TEXT NOT NULL, size INTEGER NOT NULL DEFAULT 0, md5 TEXT NOT NULL DEFAULT '', updated_at REAL,
    complete INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS files_by_run ON files (run, name) WHERE run IS NOT NULL;
CREATE INDEX IF NOT EXISTS files_by_artifact ON files (artifact, name) WHERE artifact IS NOT NULL;
CREATE INDEX IF NOT EXISTS files_by_manifest ON files (manifest) WHERE manifest IS NOT NULL;
CREATE TABLE IF NOT EXISTS pieces (
    file INTEGER NOT NULL REFERENCES files (key) ON DELETE CASCADE,
    number INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (file, number)
);
"""

TABLES = _RUNS + _ARTIFACTS + _FILES
