//! A queue in an SQLite file.
