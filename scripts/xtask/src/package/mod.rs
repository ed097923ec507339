//! `cargo xtask package`: one archive a function, as a cloud takes it, with a list of what is in it.

mod archive;
mod build;
mod sbom;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::workspace::{self, ChoreError};

/// The largest archive of a function, in bytes.
const MAX_ARCHIVE: u64 = 8 * 1024 * 1024;
/// The same of those that work on files in columns.
const MAX_COLUMNAR: u64 = 25 * 1024 * 1024;
/// Functions that link Arrow and Parquet.
const COLUMNAR: [&str; 3] = ["pipeline-runner", "report-builder", "warehouse-loader"];

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) arch: Arch,
    pub(crate) profile: String,
    pub(crate) out: PathBuf,
    /// The functions; all when none is named.
    pub(crate) functions: Vec<String>,
}

/// The machine that a package runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arch {
    /// Graviton, the cheaper one; linked by zig against the C library of Amazon Linux 2023.
    Arm64,
    /// Intel and AMD; linked as above.
    X86_64,
    /// This machine, for a peer that runs here.
    Native,
}

/// One line of `packages.json`.
#[derive(Debug, Serialize)]
struct Package {
    function: String,
    archive: String,
    sha256: String,
    archive_bytes: u64,
    binary_bytes: u64,
}

impl Order {
    /// Reads the words behind `package`.
    ///
    /// # Errors
    ///
    /// What is wrong, and what to write.
    pub(crate) fn read(words: &[&str]) -> Result<Self, String> {
        let mut order = Self {
            arch: Arch::Arm64,
            profile: build::PROFILE.to_owned(),
            out: PathBuf::from("packages"),
            functions: Vec::new(),
        };
        let mut is_cloud_named = false;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().copied().ok_or(format!("`{word}` needs a value"));
            match *word {
                "--cloud" => match value()? {
                    "aws" => is_cloud_named = true,
                    other => return Err(format!("the cloud `{other}` is not known: write `aws`")),
                },
                "--arch" => order.arch = Arch::read(value()?)?,
                "--profile" => value()?.clone_into(&mut order.profile),
                "--out" => order.out = PathBuf::from(value()?),
                flag if flag.starts_with('-') => return Err(format!("`{flag}` is not known")),
                function => order.functions.push(function.to_owned()),
            }
        }
        if is_cloud_named { Ok(order) } else { Err("name a cloud: `--cloud aws`".to_owned()) }
    }
}

impl Arch {
    fn read(word: &str) -> Result<Self, String> {
        match word {
            "arm64" => Ok(Self::Arm64),
            "x86_64" => Ok(Self::X86_64),
            "native" => Ok(Self::Native),
            other => Err(format!("`{other}` is not known: write `arm64`, `x86_64` or `native`")),
        }
    }

    /// The name of the folder, and of the architecture in Terraform.
    fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
            Self::Native => "native",
        }
    }
}

/// Packages what `order` asks for, and says what is too large.
pub(crate) fn write(order: &Order) -> Result<Vec<String>, ChoreError> {
    let folder = workspace::root().join(&order.out).join(order.arch.name());
    let tried = format!("make `{}`", folder.display());
    std::fs::create_dir_all(&folder).map_err(|error| ChoreError::new(&tried, error))?;
    let functions = chosen(order)?;
    build::build(order, &functions)?;
    let mut packages = Vec::new();
    for function in &functions {
        packages.push(pack(order, function, &folder)?);
    }
    let list = serde_json::to_string_pretty(&packages)
        .map_err(|error| ChoreError::new("write the list of packages", error))?;
    write_file(&folder.join("packages.json"), &format!("{list}\n"))?;
    print_table(&packages);
    Ok(too_large(order, &packages))
}

/// Returns the functions that are named, or all.
fn chosen(order: &Order) -> Result<Vec<build::Buildable>, ChoreError> {
    let all = build::functions()?;
    if order.functions.is_empty() {
        return Ok(all);
    }
    if let Some(unknown) = order.functions.iter().find(|it| !all.iter().any(|f| f.name == **it)) {
        return Err(ChoreError::new(&format!("package `{unknown}`"), "no function has this name"));
    }
    Ok(all.into_iter().filter(|it| order.functions.contains(&it.name)).collect())
}

fn pack(order: &Order, function: &build::Buildable, folder: &Path) -> Result<Package, ChoreError> {
    let binary = build::binary(order, &function.name)?;
    let archive = archive::of_bootstrap(&binary)?;
    let name = format!("{}.zip", function.name);
    std::fs::write(folder.join(&name), &archive)
        .map_err(|error| ChoreError::new(&format!("write `{name}`"), error))?;
    let sbom = sbom::of(function)?;
    write_file(&folder.join(format!("{}.cdx.json", function.name)), &sbom)?;
    Ok(Package {
        function: function.name.clone(),
        sha256: archive::sha256(&archive),
        archive_bytes: archive.len() as u64,
        binary_bytes: binary.len() as u64,
        archive: name,
    })
}

fn write_file(path: &Path, text: &str) -> Result<(), ChoreError> {
    let tried = format!("write `{}`", path.display());
    std::fs::write(path, text).map_err(|error| ChoreError::new(&tried, error))
}

fn too_large(order: &Order, packages: &[Package]) -> Vec<String> {
    // Without optimisation a package is as large as it likes.
    let is_measured = order.profile == build::PROFILE;
    let limit = |it: &Package| {
        if COLUMNAR.contains(&it.function.as_str()) { MAX_COLUMNAR } else { MAX_ARCHIVE }
    };
    let over = packages.iter().filter(|it| is_measured && it.archive_bytes > limit(it));
    over.map(|it| {
        format!("`{}` has {} bytes, more than {}", it.archive, it.archive_bytes, limit(it))
    })
    .collect()
}

#[expect(clippy::print_stdout, reason = "the answer of a chore")]
#[expect(clippy::cast_precision_loss, reason = "sizes are told to two digits")]
fn print_table(packages: &[Package]) {
    let mut table =
        String::from("| function | binary MB | archive MB | SHA-256 |\n|---|---|---|---|\n");
    let mb = |bytes: u64| bytes as f64 / 1e6;
    for it in packages {
        let (binary, archive) = (mb(it.binary_bytes), mb(it.archive_bytes));
        let digest = it.sha256.get(..12).unwrap_or_default();
        let _ = writeln!(table, "| {} | {binary:.1} | {archive:.1} | {digest} |", it.function);
    }
    print!("{table}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archive_that_is_too_large_is_told_with_its_limit() {
        let order = Order::read(&["--cloud", "aws"]).unwrap();
        let package = |function: &str, archive_bytes| Package {
            function: function.to_owned(),
            archive: format!("{function}.zip"),
            sha256: String::new(),
            archive_bytes,
            binary_bytes: 0,
        };
        let packages = [
            package("sync-worker", MAX_ARCHIVE),
            package("outbox-relay", MAX_ARCHIVE + 1),
            package("pipeline-runner", MAX_ARCHIVE + 1),
            package("report-builder", MAX_COLUMNAR + 1),
        ];
        let told = too_large(&order, &packages);
        assert_eq!(told.len(), 2);
        assert_eq!(told[0], "`outbox-relay.zip` has 8388609 bytes, more than 8388608");
        assert!(told[1].starts_with("`report-builder.zip`"), "{}", told[1]);
        let unmeasured = Order { profile: "dev".to_owned(), ..order };
        assert!(too_large(&unmeasured, &packages).is_empty());
    }

    #[test]
    fn order_names_a_cloud_and_may_name_functions() {
        let order = Order::read(&["--cloud", "aws", "--arch", "native", "sync-worker"]).unwrap();
        assert_eq!((order.arch, order.functions), (Arch::Native, vec!["sync-worker".to_owned()]));
        for (words, fault) in [
            (&["sync-worker"][..], "name a cloud"),
            (&["--cloud", "gcp"], "`gcp` is not known"),
            (&["--cloud", "aws", "--arch"], "needs a value"),
            (&["--cloud", "aws", "--arch", "mips"], "`mips` is not known"),
            (&["--cloud", "aws", "--fast"], "`--fast` is not known"),
        ] {
            assert!(Order::read(words).unwrap_err().contains(fault), "{words:?}");
        }
    }
}
