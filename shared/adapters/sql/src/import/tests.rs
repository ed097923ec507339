//! Files of the original, and what comes of them.
