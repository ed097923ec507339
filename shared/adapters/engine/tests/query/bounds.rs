//! What is read, held and put aside; what is refused; and how long it may take.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use shared::auth::Sight;
use shared::ports::{
    Blob, BlobKey, BlobLink, BlobRead, BlobStore, ByteRange, LinkPurpose, ListedBlob, NewUpload,
    PartLimits, PartTag, PutBlob, QueryEngine as _, QueryLimits, Sha256Digest, Upload,
};
use shared::queries::QueryError;
use shared::{PortError, PortErrorKind};

use crate::made::Made;
use crate::place::{Place, ask, plain, small};

/// Counts what is read of Parquet files, and fails when it is told to.
struct Counting {
    inner: Arc<dyn BlobStore>,
    n_bytes: AtomicU64,
    n_left: AtomicU64,
}

impl Counting {
    fn over(inner: &Arc<dyn BlobStore>) -> Arc<Self> {
        let (n_bytes, n_left) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
        Arc::new(Self { inner: Arc::clone(inner), n_bytes, n_left })
    }

    fn n_bytes(&self) -> u64 {
        self.n_bytes.swap(0, Ordering::SeqCst)
    }
}

#[async_trait]
impl BlobStore for Counting {
    async fn head(&self, key: &BlobKey) -> Result<Blob, PortError> {
        self.inner.head(key).await
    }

    async fn read(&self, key: &BlobKey, range: Option<ByteRange>) -> Result<BlobRead, PortError> {
        if key.as_str().ends_with(".parquet") {
            let range = range.as_ref().unwrap();
            self.n_bytes.fetch_add(range.until.unwrap() - range.from, Ordering::SeqCst);
            if self.n_left.fetch_sub(1, Ordering::SeqCst) == 0 {
                let kind = PortErrorKind::Unavailable;
                return Err(PortError::new(kind, "memory", "read", key.as_str()));
            }
        }
        self.inner.read(key, range).await
    }

    async fn put(&self, key: &BlobKey, body: Bytes, options: &PutBlob) -> Result<Blob, PortError> {
        self.inner.put(key, body, options).await
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), PortError> {
        self.inner.delete(key).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&BlobKey>,
        limit: NonZeroU32,
    ) -> Result<Vec<ListedBlob>, PortError> {
        self.inner.list(prefix, after, limit).await
    }

    async fn begin(&self, key: &BlobKey, options: &NewUpload) -> Result<Upload, PortError> {
        self.inner.begin(key, options).await
    }

    async fn put_part(
        &self,
        upload: &Upload,
        number: u32,
        body: Bytes,
    ) -> Result<PartTag, PortError> {
        self.inner.put_part(upload, number, body).await
    }

    async fn complete(&self, upload: &Upload, parts: &[PartTag]) -> Result<Blob, PortError> {
        self.inner.complete(upload, parts).await
    }

    async fn abandon(&self, upload: &Upload) -> Result<(), PortError> {
        self.inner.abandon(upload).await
    }

    fn part_limits(&self) -> PartLimits {
        self.inner.part_limits()
    }

    async fn link(&self, purpose: &LinkPurpose, time: Duration) -> Result<BlobLink, PortError> {
        self.inner.link(purpose, time).await
    }

    fn part_sent_by_link(&self, etag: &str, sha256: &Sha256Digest) -> Result<PartTag, PortError> {
        self.inner.part_sent_by_link(etag, sha256)
    }
}

#[tokio::test]
async fn only_the_parts_that_count_are_read() {
    let made = Made { n_rows: 12_000, n_cases: 900, n_days: 6, without: [].into() };
    let place = Place::of(&made).await;
    let counting = Counting::over(&place.blobs);
    let engine = place.engine_over(counting.clone());
    let mut read = Vec::new();
    for sql in [
        "SELECT * FROM cases_history",
        // Footers are known from here on.
        "SELECT * FROM cases_history",
        "SELECT count(DISTINCT status) AS n FROM cases_history",
        "SELECT id, title FROM cases_history WHERE changed_at >= TIMESTAMP '2024-12-06T00:00:00Z'",
        "SELECT id, title FROM cases_history WHERE change_seq > 10000",
        "SELECT id, title FROM cases_history WHERE CAST(valid_from AS DATE) >= DATE '2024-12-06'",
        "SELECT id, title FROM cases_history",
        "SELECT count(*) AS n FROM contacts_history",
    ] {
        let answer = ask(&engine, &plain(sql), &Sight::Everything).await.unwrap();
        let counted = counting.n_bytes();
        assert_eq!(answer.figures.n_bytes_read, counted, "{sql}");
        read.push((counted, answer.rows.len()));
    }
    eprintln!("{read:?}");
    let (whole, all) = read[1];
    assert!(read[0].0 > whole && all > 10_000);
    // One column of many; one file of six, three times over.
    assert!(read[2].0 * 5 < whole, "{read:?}");
    let (two_columns, _) = read[6];
    for (part, rows) in &read[3..6] {
        assert!(part * 5 < two_columns && rows * 5 < all && *rows > 1000, "{read:?}");
    }
    // The manifest knows how many rows there are.
    assert_eq!((read[7].0, read[7].1), (0, 1));
}

#[tokio::test]
async fn what_memory_does_not_hold_is_put_aside_and_gone_afterwards() {
    let made = Made { n_rows: 40_000, n_cases: 4000, n_days: 2, without: [].into() };
    let mut place = Place::of(&made).await;
    let spill = tempfile::tempdir().unwrap();
    let all = "SELECT title, id, change_seq FROM cases_history ORDER BY title, change_seq";
    let roomy = ask(&place.engine(), &plain(all), &Sight::Everything).await.unwrap();
    assert_eq!((roomy.figures.n_bytes_spilled, roomy.rows.len()), (0, 10_001));
    place.settings.memory_bytes = 3_000_000;
    place.settings.spill_folder = Some(spill.path().to_owned());
    let engine = place.engine();
    let tight = ask(&engine, &plain(all), &Sight::Everything).await.unwrap();
    assert_eq!(tight.rows, roomy.rows);
    eprintln!("{:?}", tight.figures);
    assert!(tight.figures.n_bytes_spilled > 100_000, "{:?}", tight.figures);
    drop(engine);
    assert_eq!(std::fs::read_dir(spill.path()).unwrap().count(), 0);

    place.settings.spill_bytes = 10_000;
    let error = ask(&place.engine(), &plain(all), &Sight::Everything).await.unwrap_err();
    assert!(matches!(error, QueryError::TooLarge(_)), "{error:?}");
}

#[tokio::test]
async fn fault_of_the_store_is_told_as_one() {
    let place = Place::of(&small()).await;
    let counting = Counting::over(&place.blobs);
    counting.n_left.store(3, Ordering::SeqCst);
    let engine = place.engine_over(counting.clone());
    let query = plain("SELECT count(*) AS n, max(status) AS s FROM cases");
    let error = ask(&engine, &query, &Sight::Everything).await.unwrap_err();
    assert!(matches!(error, QueryError::Store(_)), "{error:?}");
    assert!(shared::chain(&error).to_string().contains("Unavailable"), "{error:?}");
    // The next one begins anew.
    counting.n_left.store(u64::MAX, Ordering::SeqCst);
    assert_eq!(ask(&engine, &query, &Sight::Everything).await.unwrap().rows.len(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_told_with_what_was_meant() {
    let place = Place::of(&small()).await;
    let engine = place.engine();
    for (sql, told) in [
        ("SELECT cuort FROM cases", "there is no column `cuort`: did you mean `court`?"),
        ("SELECT * FROM case", "there is no table `case`: did you mean `cases`?"),
        ("SELECT uper(court) FROM cases", "there is no function `uper`: did you mean `upper`?"),
        ("SELECT now()", "name the day by a parameter"),
        ("SELECT random()", "there is no function `random`"),
        ("SELECT is_latest(change_seq) FROM cases", "there is no function `is_latest`"),
        ("SELECT * FROM 'lake/manifest.json'", "there is no table"),
        ("SELECT * FROM read_parquet('x')", "there is no table `read_parquet`"),
        ("SELECT * FROM information_schema.tables", "there is no table"),
        (
            "SELECT a.id, b.id FROM cases a JOIN cases b ON a.id = b.id",
            "two columns are called `id`",
        ),
        ("SELECT court + 1 FROM cases WHERE court > 5 + INTERVAL '1' DAY", ""),
        ("DROP TABLE cases", "`DROP` is not allowed: write one SELECT"),
    ] {
        let error = ask(&engine, &plain(sql), &Sight::Everything).await.unwrap_err();
        assert!(error.to_string().contains(told), "{sql}: {error}");
    }
    let long =
        format!("SELECT count(*) AS n FROM cases WHERE {}", ["court = 'a'"; 40].join(" OR "));
    ask(&engine, &plain(&long), &Sight::Everything).await.unwrap();
    let error = ask(
        &engine,
        &plain("SELECT 1 / (change_seq - change_seq) AS n FROM cases"),
        &Sight::Everything,
    )
    .await;
    assert!(matches!(error.unwrap_err(), QueryError::Failed(_)));
}

#[tokio::test]
async fn question_ends_when_its_time_is_over_and_rows_when_there_are_enough() {
    let place = Place::of(&small()).await;
    let engine = place.engine();
    let endless = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS m FROM n";
    let prepared = engine.prepare(&plain(endless), &Sight::Everything).await.unwrap();
    let limits = QueryLimits { within: Duration::from_millis(200), ..QueryLimits::default() };
    let error = match prepared.open(limits).await {
        Ok(open) => open.rows.try_concat().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, QueryError::TooLong(_)), "{error}");

    for (sql, n_rows) in [
        ("SELECT id FROM cases_history", 8),
        ("SELECT id FROM cases_history LIMIT 5", 5),
        ("SELECT id FROM contacts", 7),
        ("SELECT id FROM cases WHERE NOT is_closed ORDER BY id", 8),
    ] {
        let prepared = engine.prepare(&plain(sql), &Sight::Everything).await.unwrap();
        let limits = QueryLimits { max_rows: 7, ..QueryLimits::default() };
        let open = prepared.open(limits).await.unwrap();
        assert_eq!(open.rows.try_concat().await.unwrap().len(), n_rows, "{sql}");
    }
}
