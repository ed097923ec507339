//! Schedules under a clock that the test moves.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use shared::ports::{SystemClock, SystemRandom};
use shared::worker::ScheduleHandler;

use super::*;

/// Counts its runs and how many overlap; fails or panics as told; a run takes `work`.
#[derive(Default)]
struct Counted {
    n_runs: AtomicU32,
    n_inside: AtomicU32,
    n_most_inside: AtomicU32,
    work: Duration,
    fails: bool,
    panics: bool,
}

#[async_trait]
impl ScheduleHandler for Counted {
    async fn run(&self, _: Tick) -> Result<(), Failure> {
        self.n_runs.fetch_add(1, Ordering::SeqCst);
        let n_inside = self.n_inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.n_most_inside.fetch_max(n_inside, Ordering::SeqCst);
        tokio::time::sleep(self.work).await;
        self.n_inside.fetch_sub(1, Ordering::SeqCst);
        assert!(!self.panics, "told to panic");
        if self.fails { Err(Failure::transient("org is away")) } else { Ok(()) }
    }
}

struct Run {
    counted: Arc<Counted>,
    run_now: Arc<Notify>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Run {
    fn of(counted: Counted, every: Duration) -> Self {
        let counted = Arc::new(counted);
        let run_now = Arc::new(Notify::new());
        let schedule = Schedule {
            trigger: ScheduleTrigger {
                name: "poll",
                every,
                handler: Arc::clone(&counted) as Arc<dyn ScheduleHandler>,
            },
            run_now: Arc::clone(&run_now),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            backoff: Backoff { first: Duration::from_secs(1), cap: Duration::from_secs(8) },
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(schedule.keep(stop.clone(), CancellationToken::new()));
        Self { counted, run_now, stop, task }
    }

    async fn after(&self, seconds: u64) -> u32 {
        // Moving the paused clock also lets every task that became due run.
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        self.counted.n_runs.load(Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn runs_at_start_and_then_at_every_interval() {
    let run = Run::of(Counted::default(), Duration::from_secs(60));
    assert_eq!(run.after(1).await, 1);
    assert_eq!(run.after(60).await, 2);
    assert_eq!(run.after(180).await, 5);
}

#[tokio::test(start_paused = true)]
async fn long_run_is_never_joined_by_a_second() {
    let counted = Counted { work: Duration::from_secs(90), ..Counted::default() };
    let run = Run::of(counted, Duration::from_secs(60));
    assert_eq!(run.after(600).await, 7);
    assert_eq!(run.counted.n_most_inside.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn trigger_runs_it_now() {
    let run = Run::of(Counted::default(), Duration::from_secs(3600));
    assert_eq!(run.after(1).await, 1);
    run.run_now.notify_one();
    assert_eq!(run.after(1).await, 2);
}

#[tokio::test(start_paused = true)]
async fn failure_is_tried_again_sooner_and_ever_later() {
    let counted = Counted { fails: true, ..Counted::default() };
    let run = Run::of(counted, Duration::from_secs(3600));
    // Waits of at most 1, 2, 4 and then 8 seconds, each at least half of that.
    let n_runs = run.after(60).await;
    assert!((9..=17).contains(&n_runs), "{n_runs}");
}

#[tokio::test(start_paused = true)]
async fn panic_does_not_end_the_schedule() {
    let run = Run::of(Counted { panics: true, ..Counted::default() }, Duration::from_secs(5));
    assert!(run.after(20).await > 2);
}

#[tokio::test(start_paused = true)]
async fn stop_lets_the_run_in_hand_finish() {
    let counted = Counted { work: Duration::from_secs(9), ..Counted::default() };
    let run = Run::of(counted, Duration::from_secs(60));
    assert_eq!(run.after(1).await, 1);
    run.stop.cancel();
    run.task.await.unwrap();
    assert_eq!(run.counted.n_inside.load(Ordering::SeqCst), 0);
}
