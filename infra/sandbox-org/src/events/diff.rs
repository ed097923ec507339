//! Large texts as differences. Source: Change Data Capture guide, "Large text field values as diffs".

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Shortest text that is told as a difference, in characters.
const MIN_CHARS: usize = 1_000;

/// Most lines between the first and the last difference that are compared; more are told as a whole.
const MAX_LINES: usize = 1_000;

/// Writes what changed between two texts; nothing when the whole text is told instead.
pub(super) fn diff(old: &str, new: &str) -> Option<String> {
    let (n_old, n_new) = (old.chars().count(), new.chars().count());
    if n_new < MIN_CHARS || n_old.abs_diff(n_new) * 2 >= n_old.max(1) {
        return None;
    }
    let (old_lines, new_lines): (Vec<&str>, Vec<&str>) =
        (old.split('\n').collect(), new.split('\n').collect());
    let hunks = hunks(&old_lines, &new_lines)?;
    let n_changed: usize = hunks.iter().map(|hunk| hunk.removed.len().max(hunk.added.len())).sum();
    if n_changed * 4 > new_lines.len() {
        return None;
    }
    let digest = Sha256::digest(new.as_bytes());
    let hex = digest.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let mut text = format!("--- \n+++ {hex}");
    for hunk in &hunks {
        let _ = write!(text, "\n@@ -{} +{} @@", hunk.old_range(), hunk.new_range());
        for line in &hunk.removed {
            let _ = write!(text, "\n-{line}");
        }
        for line in &hunk.added {
            let _ = write!(text, "\n+{line}");
        }
    }
    (text.len() < new.len()).then_some(text)
}

/// Lines that stand in the place of others.
#[derive(Debug, Default, PartialEq, Eq)]
struct Hunk<'a> {
    /// Lines before it, in the old text and in the new one.
    before: (usize, usize),
    removed: Vec<&'a str>,
    added: Vec<&'a str>,
}

impl Hunk<'_> {
    fn old_range(&self) -> String {
        range(self.before.0, self.removed.len())
    }

    fn new_range(&self) -> String {
        range(self.before.1, self.added.len())
    }
}

/// A range of lines, from 1; one without lines is named by the line before it.
fn range(before: usize, n: usize) -> String {
    format!("{},{n}", before + usize::from(n > 0))
}

/// Finds the hunks that turn `old` into `new`; nothing when too much lies between the differences.
fn hunks<'a>(old: &[&'a str], new: &[&'a str]) -> Option<Vec<Hunk<'a>>> {
    let start = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (old_rest, new_rest) = (old.get(start..)?, new.get(start..)?);
    let end = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(o, n)| o == n).count();
    let old_mid = old_rest.get(..old_rest.len() - end)?;
    let new_mid = new_rest.get(..new_rest.len() - end)?;
    if old_mid.len().max(new_mid.len()) > MAX_LINES {
        return None;
    }
    let lengths = common_lengths(old_mid, new_mid);
    let length =
        |o: usize, n: usize| lengths.get(o).and_then(|row| row.get(n)).copied().unwrap_or(0);
    let mut hunks: Vec<Hunk<'a>> = Vec::new();
    let (mut o, mut n, mut is_open) = (0, 0, false);
    while o < old_mid.len() || n < new_mid.len() {
        let (old_line, new_line) = (old_mid.get(o), new_mid.get(n));
        if old_line.is_some() && old_line == new_line {
            (o, n, is_open) = (o + 1, n + 1, false);
            continue;
        }
        if !is_open {
            hunks.push(Hunk { before: (start + o, start + n), ..Hunk::default() });
            is_open = true;
        }
        let hunk = hunks.last_mut()?;
        // Of two ways on, the one after which more lines are the same.
        let removes = new_line.is_none() || length(o + 1, n) >= length(o, n + 1);
        if let Some(line) = old_line.filter(|_| removes) {
            hunk.removed.push(line);
            o += 1;
        } else {
            hunk.added.push(new_line?);
            n += 1;
        }
    }
    Some(hunks)
}

/// Returns how many lines the rests of both texts have in common, by where they begin.
fn common_lengths(old: &[&str], new: &[&str]) -> Vec<Vec<u32>> {
    let mut lengths: Vec<Vec<u32>> = vec![vec![0; new.len() + 1]; 1];
    for old_line in old.iter().rev() {
        let below = lengths.last().cloned().unwrap_or_default();
        let mut row = vec![0; new.len() + 1];
        for (n, new_line) in new.iter().enumerate().rev() {
            let at = |of: &[u32], n: usize| of.get(n).copied().unwrap_or(0);
            let longest = if old_line == new_line {
                at(&below, n + 1) + 1
            } else {
                at(&below, n).max(at(&row, n + 1))
            };
            if let Some(slot) = row.get_mut(n) {
                *slot = longest;
            }
        }
        lengths.push(row);
    }
    lengths.reverse();
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Applies a difference, as a receiver must, and checks the sum.
    fn patched(old: &str, diff: &str) -> String {
        let mut lines = diff.split('\n').peekable();
        assert_eq!(lines.next(), Some("--- "));
        let sum = lines.next().unwrap().strip_prefix("+++ ").unwrap().to_owned();
        let old: Vec<&str> = old.split('\n').collect();
        let (mut new, mut at) = (Vec::new(), 0);
        while let Some(head) = lines.next() {
            let range = head.strip_prefix("@@ -").unwrap().split(' ').next().unwrap();
            let (start, n) = range.split_once(',').unwrap();
            let (start, n): (usize, usize) = (start.parse().unwrap(), n.parse().unwrap());
            let begin = if n == 0 { start } else { start - 1 };
            new.extend(&old[at..begin]);
            at = begin + n;
            while let Some(line) = lines.next_if(|line| !line.starts_with("@@ ")) {
                if let Some(line) = line.strip_prefix('+') {
                    new.push(line);
                }
            }
        }
        new.extend(&old[at..]);
        let new = new.join("\n");
        let digest = Sha256::digest(new.as_bytes());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, sum);
        new
    }

    fn lines(n: usize) -> Vec<String> {
        (0..n).map(|n| format!("line {n} of a long description of a case")).collect()
    }

    #[test]
    fn differences_turn_the_old_text_into_the_new_one() {
        let old = lines(60);
        let mut new = old.clone();
        new[3] = "another".into();
        new.remove(20);
        new.insert(30, "inserted".into());
        new.push("appended".into());
        let (old, new) = (old.join("\n"), new.join("\n"));

        let told = diff(&old, &new).unwrap();

        assert_eq!(patched(&old, &told), new);
        assert!(
            told.contains("@@ -4,1 +4,1 @@\n-line 3 of a long description of a case\n+another")
        );
        assert!(told.len() < new.len() / 3);
    }

    #[test]
    fn short_and_strongly_changed_texts_are_told_as_a_whole() {
        let long = lines(60).join("\n");
        assert_eq!(diff("short", "shorter"), None);
        assert_eq!(diff(&long, &lines(20).join("\n")), None, "more than half of it is gone");
        let other: Vec<String> = lines(60)
            .iter()
            .enumerate()
            .map(|(n, line)| if n < 20 { line.to_uppercase() } else { line.clone() })
            .collect();
        assert_eq!(diff(&long, &other.join("\n")), None, "a third of the lines changed");
    }
}
