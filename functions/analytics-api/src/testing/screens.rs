//! The walls of the small firm.

use std::collections::BTreeSet;

use async_trait::async_trait;
use shared::PortError;
use shared::auth::Sight;
use shared::ids::{EntityId, PersonId};
use shared::ports::{ShownCases, Stance, Wall, Walls};

use super::Firm;

impl Firm {
    /// Tells whether `sight` shows `case_id`.
    pub(crate) fn shows(&self, sight: &Sight, case_id: &EntityId) -> bool {
        let walls = self.walls.lock().unwrap();
        let of_person = |it: &&Wall| it.case_id == *case_id && Some(&it.person) == sight.person();
        match walls.iter().find(of_person).map(|it| it.stance) {
            Some(stance) => stance == Stance::Assigned,
            None => !matches!(sight, Sight::Only(_)),
        }
    }
}

#[async_trait]
impl Walls for Firm {
    async fn set_wall(&self, wall: &Wall) -> Result<(), PortError> {
        self.lift_wall(&wall.case_id, &wall.person, &wall.set_by).await?;
        self.walls.lock().unwrap().push(wall.clone());
        self.answer(())
    }

    async fn lift_wall(
        &self,
        case_id: &EntityId,
        person: &PersonId,
        _by: &PersonId,
    ) -> Result<bool, PortError> {
        let mut walls = self.walls.lock().unwrap();
        let n_before = walls.len();
        walls.retain(|it| it.case_id != *case_id || it.person != *person);
        self.answer(walls.len() < n_before)
    }

    async fn walls_of(&self, case_id: &EntityId) -> Result<Vec<Wall>, PortError> {
        let walls = self.walls.lock().unwrap();
        self.answer(walls.iter().filter(|it| it.case_id == *case_id).cloned().collect())
    }

    async fn shows_all(&self, sight: &Sight) -> Result<bool, PortError> {
        let walls = self.walls.lock().unwrap();
        let is_screened =
            |it: &Wall| it.stance == Stance::Screened && Some(&it.person) == sight.person();
        self.answer(!matches!(sight, Sight::Only(_)) && !walls.iter().any(is_screened))
    }

    async fn walls_revision(&self) -> Result<u64, PortError> {
        self.answer(self.walls.lock().unwrap().len() as u64)
    }

    async fn hidden(
        &self,
        sight: &Sight,
        cases: &[EntityId],
    ) -> Result<BTreeSet<EntityId>, PortError> {
        self.answer(cases.iter().filter(|it| !self.shows(sight, it)).cloned().collect())
    }

    async fn shown(&self, sight: &Sight) -> Result<ShownCases, PortError> {
        let walls = self.walls.lock().unwrap().clone();
        let of = |person: &PersonId, stance| {
            let walls = walls.iter().filter(|it| it.person == *person && it.stance == stance);
            walls.map(|it| it.case_id.clone()).collect()
        };
        self.answer(match sight {
            Sight::Everything => ShownCases::All,
            Sight::AllBut(person) => ShownCases::AllBut(of(person, Stance::Screened)),
            Sight::Only(person) => ShownCases::Only(of(person, Stance::Assigned)),
        })
    }
}
