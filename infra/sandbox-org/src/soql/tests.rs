//! Queries in a table, and what they give.
