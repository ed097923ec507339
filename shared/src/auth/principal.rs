//! Who asks.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::permission::Permission;
use super::role::Role;
use super::sight::Sight;
use crate::ids::PersonId;
use crate::time::Timestamp;

/// A person, or a program in a person's place, whose token was proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Who it is: the token's `sub`.
    pub person: PersonId,
    /// What people call them, when the token says.
    pub name: Option<String>,
    /// What they are at the firm; without a role they may do nothing.
    pub roles: BTreeSet<Role>,
    /// When the token stops to be taken; what goes on by itself, such as a stream, ends then.
    pub expires_at: Option<Timestamp>,
}

impl Principal {
    /// Tells whether one of the roles allows `permission`.
    pub fn may(&self, permission: Permission) -> bool {
        self.roles.iter().any(|role| role.permissions().contains(&permission))
    }

    /// Returns every permission of every role.
    pub fn permissions(&self) -> BTreeSet<Permission> {
        self.roles.iter().flat_map(|role| role.permissions()).copied().collect()
    }

    /// Returns which cases this person sees: a client those assigned to them, everybody else all
    /// but those they are screened from.
    pub fn sight(&self) -> Sight {
        let sees_firm = self.roles.iter().any(|role| {
            *role != Role::Client && role.permissions().contains(&Permission::CasesRead)
        });
        if sees_firm {
            Sight::AllBut(self.person.clone())
        } else {
            Sight::Only(self.person.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(roles: &[Role]) -> Principal {
        Principal {
            person: PersonId::parse("anna").unwrap(),
            name: None,
            roles: roles.iter().copied().collect(),
            expires_at: None,
        }
    }

    #[test]
    fn nothing_is_allowed_without_a_role() {
        assert!(Permission::ALL.into_iter().all(|it| !person(&[]).may(it)));
        assert_eq!(person(&[]).sight(), Sight::Only(PersonId::parse("anna").unwrap()));
    }

    #[test]
    fn a_client_sees_only_what_is_assigned_and_an_admin_is_still_screened() {
        let anna = PersonId::parse("anna").unwrap();
        assert_eq!(person(&[Role::Client]).sight(), Sight::Only(anna.clone()));
        assert_eq!(person(&[Role::Operator]).sight(), Sight::Only(anna.clone()));
        assert_eq!(person(&[Role::Admin]).sight(), Sight::AllBut(anna));
    }
}
