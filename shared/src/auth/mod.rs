//! Who may do what, and how they prove it.
