//! Ethical walls, as a store applies them: which cases a person sees.

use crate::ids::PersonId;

/// Which cases are shown. Every read for people takes one, so that none can forget it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sight {
    /// Every case: for the platform's own work and for its command line, never for a request.
    Everything,
    /// Every case but those this person is screened from.
    AllBut(PersonId),
    /// Only cases this person is assigned to; being screened from one wins.
    Only(PersonId),
}

impl Sight {
    /// Returns the person whose sight it is.
    pub fn person(&self) -> Option<&PersonId> {
        match self {
            Self::Everything => None,
            Self::AllBut(person) | Self::Only(person) => Some(person),
        }
    }
}
