//! What one follower of the changes may see, learned piece by piece.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use shared::PortError;
use shared::auth::Sight;
use shared::ids::EntityId;
use shared::model::Entity;
use shared::ports::Walls;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::tail::Line;

/// How long a wall that another process set may stay unseen by streams.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The most cases a follower remembers; it forgets all and learns anew.
const KEPT_CASES: usize = 4096;

/// Notices that walls have changed, once for all followers.
pub(crate) struct WallWatch {
    walls: Arc<dyn Walls>,
    seen: Mutex<Option<Look>>,
    n_forgotten: AtomicU64,
}

struct Look {
    at: Instant,
    mark: (u64, u64),
}

impl WallWatch {
    /// Watches `walls`.
    pub(crate) fn new(walls: Arc<dyn Walls>) -> Self {
        Self { walls, seen: Mutex::default(), n_forgotten: AtomicU64::new(0) }
    }

    /// Lets the next look be a fresh one: this process changed a wall.
    pub(crate) fn forget(&self) {
        self.n_forgotten.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns what changes with the walls; it is at most 200 ms old.
    async fn mark(&self) -> Result<(u64, u64), PortError> {
        let n_forgotten = self.n_forgotten.load(Ordering::SeqCst);
        let mut seen = self.seen.lock().await;
        if let Some(look) = seen.as_ref()
            && look.at.elapsed() < LOOK_EVERY
            && look.mark.0 == n_forgotten
        {
            return Ok(look.mark);
        }
        let mark = (n_forgotten, self.walls.walls_revision().await?);
        *seen = Some(Look { at: Instant::now(), mark });
        Ok(mark)
    }
}

/// What one follower may see.
pub(crate) struct Screen {
    watch: Arc<WallWatch>,
    sight: Sight,
    known: Option<Known>,
}

struct Known {
    mark: (u64, u64),
    shows_all: bool,
    is_hidden: HashMap<EntityId, bool>,
}

impl Screen {
    /// Shows what `sight` does.
    pub(crate) fn new(watch: Arc<WallWatch>, sight: Sight) -> Self {
        Self { watch, sight, known: None }
    }

    /// Joins the events of those `lines` that may be seen; empty when none may.
    ///
    /// # Errors
    ///
    /// As the walls answer: then nothing may be shown.
    pub(crate) async fn events(&mut self, lines: &[Arc<Line>]) -> Result<Bytes, PortError> {
        let Self { watch, sight, known } = self;
        let mark = watch.mark().await?;
        known.take_if(|it| it.mark != mark || it.is_hidden.len() > KEPT_CASES);
        let known = match known {
            Some(known) => known,
            none => none.insert(Known::learn(watch, sight, mark).await?),
        };
        if !known.shows_all {
            known.look_up(watch, sight, lines).await?;
        }
        let shows_others = !matches!(sight, Sight::Only(_));
        let may_see = |line: &&Arc<Line>| match line.entity {
            Entity::Case => known.shows_all || known.is_hidden.get(&line.entity_id) == Some(&false),
            Entity::Account | Entity::Contact => shows_others,
        };
        let mut events = Vec::new();
        for line in lines.iter().filter(may_see) {
            events.extend_from_slice(&line.event);
        }
        Ok(events.into())
    }
}

impl Known {
    async fn learn(watch: &WallWatch, sight: &Sight, mark: (u64, u64)) -> Result<Self, PortError> {
        let shows_all = watch.walls.shows_all(sight).await?;
        Ok(Self { mark, shows_all, is_hidden: HashMap::new() })
    }

    /// Asks for the cases that are not known yet.
    async fn look_up(
        &mut self,
        watch: &WallWatch,
        sight: &Sight,
        lines: &[Arc<Line>],
    ) -> Result<(), PortError> {
        let is_new = |line: &&Arc<Line>| {
            line.entity == Entity::Case && !self.is_hidden.contains_key(&line.entity_id)
        };
        let asked: Vec<_> = lines.iter().filter(is_new).map(|it| it.entity_id.clone()).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let hidden = watch.walls.hidden(sight, &asked).await?;
        self.is_hidden.extend(asked.into_iter().map(|id| {
            let is_hidden = hidden.contains(&id);
            (id, is_hidden)
        }));
        Ok(())
    }
}
