//! Listings, page by page.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::{key, put};
use crate::ports::BlobStore;

async fn all(store: &Arc<dyn BlobStore>, prefix: &str, limit: u32) -> Vec<String> {
    let limit = NonZeroU32::new(limit).unwrap();
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = store.list(prefix, after.as_ref(), limit).await.unwrap();
        assert!(page.len() <= limit.get() as usize);
        let is_last = page.len() < limit.get() as usize;
        after = page.last().map(|it| it.key.clone()).or(after);
        listed.extend(page.into_iter().map(|it| String::from(it.key)));
        if is_last {
            return listed;
        }
    }
}

pub(super) async fn pages_are_in_the_order_of_keys(store: &Arc<dyn BlobStore>) {
    // `-` and `.` stand before `/`, which is where an order of folders differs from one of keys.
    let keys = ["page/a-b", "page/a.b/c", "page/a/b", "page/a/c", "page/a0", "page/b", "page/ä"];
    for raw in keys.iter().rev() {
        put(store, raw, b"12").await;
    }
    put(store, "pagf", b"x").await;

    for limit in [1, 2, 3, 7, 100] {
        assert_eq!(all(store, "page/", limit).await, keys, "{limit} a page");
    }

    let rest = store.list("page/", Some(&key("page/a/bb")), 2.try_into().unwrap()).await.unwrap();
    assert_eq!(rest[0].key.as_str(), "page/a/c");
    let head = store.head(&key("page/a/c")).await.unwrap();
    assert_eq!((rest[0].n_bytes, &rest[0].version), (2, &head.version));
    assert!(head.stored_at.since(rest[0].stored_at).is_zero());
}

pub(super) async fn prefix_is_any_beginning(store: &Arc<dyn BlobStore>) {
    for raw in ["prefix/ab/1", "prefix/abc", "prefix/b"] {
        put(store, raw, b"x").await;
    }

    assert_eq!(all(store, "prefix/ab", 10).await, ["prefix/ab/1", "prefix/abc"]);
    assert_eq!(all(store, "prefix/ab/", 10).await, ["prefix/ab/1"]);
    assert_eq!(all(store, "prefix/b", 10).await, ["prefix/b"]);
    assert!(all(store, "prefix/x", 10).await.is_empty());
    assert!(all(store, "nothing/at/all/", 10).await.is_empty());
    assert!(all(store, "", 1000).await.contains(&"prefix/b".to_owned()));
}
