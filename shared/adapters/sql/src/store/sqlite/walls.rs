//! Ethical walls: kept beside what they hide, and written with their audit row.

use std::collections::BTreeSet;

use async_trait::async_trait;
use shared::PortError;
use shared::auth::Sight;
use shared::ids::{EntityId, PersonId};
use shared::ports::{ShownCases, Wall, Walls, wall_audit};
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::sqlite_case_store::SqliteCaseStore;
use crate::error::{WriteError, read_error};
use crate::store::batch::Batch;
use crate::store::decode::{count, entity_id, json_text};
use crate::store::jobs::{Answer, Job};
use crate::store::rows::StoredWall;
use crate::store::sight::{of_stance, shown_cases, walls_that_count};

/// Sets `wall` in place of the one that stands.
pub(super) async fn set(
    connection: &mut SqliteConnection,
    wall: &Wall,
    batch: &mut Batch<'_>,
) -> Result<Answer, sqlx::Error> {
    let Wall { case_id, person, stance, reason, set_by, set_at } = wall;
    let before = standing(connection, case_id, person).await?;
    sqlx::query(
        "INSERT INTO walls (case_id, person, stance, reason, set_by, set_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (case_id, person) DO UPDATE SET \
         stance = excluded.stance, reason = excluded.reason, set_by = excluded.set_by, \
         set_at = excluded.set_at",
    )
    .bind(case_id.as_str())
    .bind(person.as_str())
    .bind(stance.as_str())
    .bind(reason)
    .bind(set_by.as_str())
    .bind(set_at.as_millis())
    .execute(connection)
    .await?;
    let draft = wall_audit(person, set_by, *set_at, before.as_ref(), Some(wall));
    batch.add_decision(case_id, &draft)?;
    Ok(Answer::Wall { stood: before.is_some() })
}

/// Takes the wall of `person` at `case_id` away, when there is one.
pub(super) async fn lift(
    connection: &mut SqliteConnection,
    case_id: &EntityId,
    person: &PersonId,
    by: &PersonId,
    batch: &mut Batch<'_>,
) -> Result<Answer, sqlx::Error> {
    let Some(before) = standing(connection, case_id, person).await? else {
        return Ok(Answer::Wall { stood: false });
    };
    sqlx::query("DELETE FROM walls WHERE case_id = ?1 AND person = ?2")
        .bind(case_id.as_str())
        .bind(person.as_str())
        .execute(connection)
        .await?;
    let draft = wall_audit(person, by, batch.at(), Some(&before), None);
    batch.add_decision(case_id, &draft)?;
    Ok(Answer::Wall { stood: true })
}

async fn standing(
    connection: &mut SqliteConnection,
    case_id: &EntityId,
    person: &PersonId,
) -> Result<Option<Wall>, sqlx::Error> {
    let stored: Option<StoredWall> =
        sqlx::query_as("SELECT * FROM walls WHERE case_id = ?1 AND person = ?2")
            .bind(case_id.as_str())
            .bind(person.as_str())
            .fetch_optional(connection)
            .await?;
    stored.map(StoredWall::read).transpose()
}

impl SqliteCaseStore {
    async fn decide(&self, job: Job, case_id: &EntityId) -> Result<bool, PortError> {
        let failed = |cause: WriteError| cause.into_port("change walls of", case_id.as_str());
        let answer = self.write(job).await.map_err(failed)?;
        Ok(matches!(answer, Answer::Wall { stood: true }))
    }
}

#[async_trait]
impl Walls for SqliteCaseStore {
    async fn set_wall(&self, wall: &Wall) -> Result<(), PortError> {
        self.decide(Job::SetWall(Box::new(wall.clone())), &wall.case_id).await.map(drop)
    }

    async fn lift_wall(
        &self,
        case_id: &EntityId,
        person: &PersonId,
        by: &PersonId,
    ) -> Result<bool, PortError> {
        let job =
            Job::LiftWall { case_id: case_id.clone(), person: person.clone(), by: by.clone() };
        self.decide(job, case_id).await
    }

    async fn walls_of(&self, case_id: &EntityId) -> Result<Vec<Wall>, PortError> {
        let failed = |cause| read_error(cause, "list walls of", case_id.as_str());
        let rows: Vec<StoredWall> =
            sqlx::query_as("SELECT * FROM walls WHERE case_id = ?1 ORDER BY person")
                .bind(case_id.as_str())
                .fetch_all(self.readers())
                .await
                .map_err(failed)?;
        rows.into_iter().map(StoredWall::read).collect::<Result<_, _>>().map_err(failed)
    }

    async fn shows_all(&self, sight: &Sight) -> Result<bool, PortError> {
        let person = match sight {
            Sight::Everything => return Ok(true),
            Sight::Only(_) => return Ok(false),
            Sight::AllBut(person) => person,
        };
        let is_screened: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM walls WHERE person = ?1 AND stance = 'screened')",
        )
        .bind(person.as_str())
        .fetch_one(self.readers())
        .await
        .map_err(|cause| read_error(cause, "read", "walls of a person"))?;
        Ok(!is_screened)
    }

    async fn walls_revision(&self) -> Result<u64, PortError> {
        let revision: i64 = sqlx::query_scalar("SELECT revision FROM walls_revision")
            .fetch_one(self.readers())
            .await
            .map_err(|cause| read_error(cause, "read", "revision of the walls"))?;
        Ok(count(revision))
    }

    async fn hidden(
        &self,
        sight: &Sight,
        cases: &[EntityId],
    ) -> Result<BTreeSet<EntityId>, PortError> {
        let (Some(person), Some(shown)) = (sight.person(), shown_cases(sight, "value", "?2"))
        else {
            return Ok(BTreeSet::new());
        };
        let failed = |cause| read_error(cause, "look up", "hidden cases");
        let ids: Vec<&str> = cases.iter().map(EntityId::as_str).collect();
        let sql = format!("SELECT value FROM json_each(?1) WHERE NOT ({shown})");
        let hidden: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(json_text(&ids).map_err(failed)?)
            .bind(person.as_str())
            .fetch_all(self.readers())
            .await
            .map_err(failed)?;
        hidden.into_iter().map(entity_id).collect::<Result<_, _>>().map_err(failed)
    }

    async fn shown(&self, sight: &Sight) -> Result<ShownCases, PortError> {
        let Some((person, stance)) = walls_that_count(sight) else { return Ok(ShownCases::All) };
        let failed = |cause| read_error(cause, "list", "walls of a person");
        let cases: Vec<String> = sqlx::query_scalar(AssertSqlSafe(of_stance(stance, "?1")))
            .bind(person.as_str())
            .fetch_all(self.readers())
            .await
            .map_err(failed)?;
        let cases = cases.into_iter().map(entity_id).collect::<Result<_, _>>().map_err(failed)?;
        Ok(match sight {
            Sight::Only(_) => ShownCases::Only(cases),
            Sight::Everything | Sight::AllBut(_) => ShownCases::AllBut(cases),
        })
    }
}
