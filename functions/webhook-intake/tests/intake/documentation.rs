//! The table of bad input in `docs/webhooks.md`.

/// One row of the table.
pub(crate) struct BadInput {
    pub(crate) input: String,
    pub(crate) status: u16,
    pub(crate) n_queued: u64,
    pub(crate) message: String,
}

/// Reads the table.
pub(crate) fn bad_inputs() -> Vec<BadInput> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/webhooks.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, table) = text.split_once("## Bad input").unwrap();
    table
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let [input, status, n_queued, message] = cells[..] else { panic!("{line}") };
            BadInput {
                input: input.to_owned(),
                status: status.parse().unwrap(),
                n_queued: n_queued.parse().unwrap(),
                message: message.to_owned(),
            }
        })
        .collect()
}
