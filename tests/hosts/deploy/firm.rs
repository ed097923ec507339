//! An account with functions, a folder of packages, and the command beside them.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, StateValue, Statistic};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{Environment, FunctionCode, Runtime};
use serde_json::{Value, json};
use shared::ports::Digest;

use crate::account::Account;
use crate::binaries::{Stores, binary, repository};

const PREFIX: &str = "moodbridge-test-";
/// The function whose binary stands for every other one.
const BINARY: &str = "webhook-intake";

/// An account at the peer, empty at first.
pub(crate) struct Firm {
    number: String,
    lambda: aws_sdk_lambda::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    stores: Stores,
}

/// A command that runs.
pub(crate) struct Running(Child);

impl Firm {
    /// Opens an account, or says loudly that the test is skipped: no peer runs functions.
    pub(crate) async fn open() -> Option<Self> {
        let Account { number, config } = Account::open().await?;
        let lambda = aws_sdk_lambda::Client::new(&config);
        let cloudwatch = aws_sdk_cloudwatch::Client::new(&config);
        Some(Self { number, lambda, cloudwatch, stores: Stores::new().await })
    }

    fn folder(&self) -> &Path {
        self.stores.folder()
    }

    /// Makes a function whose version 1 is build `build`, with the settings of intake.
    pub(crate) async fn function(&self, function: &str, build: u32) {
        let name = format!("{PREFIX}{function}");
        let code = FunctionCode::builder().zip_file(Blob::new(self.archive(build))).build();
        let settings = self.stores.settings().into_iter();
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let environment = Environment::builder().set_variables(Some(settings)).build();
        let create = self.lambda.create_function().function_name(&name).code(code);
        let create = create.runtime(Runtime::Providedal2023).handler("bootstrap").memory_size(256);
        let create = create.environment(environment).timeout(30).publish(true);
        create.role("arn:aws:iam::000000000000:role/test").send().await.unwrap();
        let alias = self.lambda.create_alias().function_name(&name).name("live");
        alias.function_version("1").description("What is called.").send().await.unwrap();
    }

    /// Packs the binary; another build has other bytes and does the same.
    fn archive(&self, build: u32) -> Vec<u8> {
        let built = self.folder().join(format!("{BINARY}-{build}"));
        let archive = built.with_extension("zip");
        std::fs::copy(binary(BINARY), &built).unwrap();
        let strip = Command::new("strip").arg(&built).status();
        assert!(strip.unwrap().success());
        let mut bytes = std::fs::read(&built).unwrap();
        bytes.extend(format!("\nbuild {build}\n").into_bytes());
        // `lambda-zip` would strip what stands behind the binary: it is packed as it is.
        std::fs::write(&built, &bytes).unwrap();
        pack(&built, &archive);
        std::fs::remove_file(&built).unwrap();
        std::fs::read(&archive).unwrap()
    }

    /// Writes packages and their list.
    pub(crate) fn packages(&self, builds: &[(&str, u32)]) {
        let packages: Vec<_> =
            builds.iter().map(|(function, build)| (*function, self.archive(*build))).collect();
        self.write(&packages);
    }

    /// Writes the package of a function that ends when it starts.
    pub(crate) fn broken_package(&self, function: &str) {
        let script = self.folder().join("broken");
        let archive = script.with_extension("zip");
        std::fs::write(&script, "#!/bin/sh\nexit 78\n").unwrap();
        pack(&script, &archive);
        self.write(&[(function, std::fs::read(&archive).unwrap())]);
    }

    fn write(&self, packages: &[(&str, Vec<u8>)]) {
        let folder = self.folder().join("packages");
        std::fs::create_dir_all(&folder).unwrap();
        let mut entries = Vec::new();
        for (function, archive) in packages {
            let name = format!("{function}.zip");
            std::fs::write(folder.join(&name), archive).unwrap();
            entries.push(json!({
                "function": function, "archive": name, "sha256": Digest::of(archive),
                "archive_bytes": archive.len(), "binary_bytes": 1,
            }));
        }
        std::fs::write(folder.join("packages.json"), json!(entries).to_string()).unwrap();
    }

    /// Changes a package behind the back of its list.
    pub(crate) fn alter(&self, function: &str) {
        let path = self.folder().join("packages").join(format!("{function}.zip"));
        std::fs::write(path, b"something else").unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_moodbridge"));
        command
            .current_dir(self.folder())
            .env("AWS_ACCESS_KEY_ID", &self.number)
            .arg("--json")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Deploys the packages and returns exit code and answer.
    pub(crate) async fn deploy(&self, arguments: &[&str]) -> (i32, Value) {
        self.begin(arguments).end().await
    }

    /// Begins to deploy the packages.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Running {
        let begin = ["deploy", "--cloud", "aws", "--environment", "test", "--packages", "packages"];
        Running(self.command(&[&begin[..], arguments].concat()).spawn().unwrap())
    }

    /// Runs `status` or `rollback`.
    pub(crate) async fn run(&self, arguments: &[&str]) -> (i32, Value) {
        let arguments = [&["deploy"], arguments, &["--environment", "test"]].concat();
        Running(self.command(&arguments).spawn().unwrap()).end().await
    }

    /// Runs `cost estimate`.
    pub(crate) async fn estimate(&self, arguments: &[&str]) -> (i32, Value) {
        let arguments = [&["cost", "estimate", "--cloud", "aws"], arguments].concat();
        Running(self.command(&arguments).spawn().unwrap()).end().await
    }

    /// Returns the version that is called, and the one that takes a part.
    pub(crate) async fn live(&self, function: &str) -> (String, Option<(String, f64)>) {
        let name = format!("{PREFIX}{function}");
        let alias = self.lambda.get_alias().function_name(name).name("live").send().await.unwrap();
        let weights = alias.routing_config().and_then(|it| it.additional_version_weights());
        let next = weights.and_then(|it| it.iter().next().map(|(a, b)| (a.clone(), *b)));
        (alias.function_version().unwrap().to_owned(), next)
    }

    /// Counts the published versions.
    pub(crate) async fn n_versions(&self, function: &str) -> usize {
        let name = format!("{PREFIX}{function}");
        let list = self.lambda.list_versions_by_function().function_name(name).send().await;
        list.unwrap().versions().len() - 1
    }

    /// Waits until a new version takes a part of the calls.
    pub(crate) async fn wait_until_shifted(&self, function: &str) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        while self.live(function).await.1.is_none() {
            assert!(tokio::time::Instant::now() < deadline, "nothing was shifted");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Sets an alarm of `function`.
    pub(crate) async fn alarm(&self, name: &str, function: &str, is_raised: bool) {
        let name = format!("{PREFIX}{name}");
        let full_name = format!("{PREFIX}{function}");
        let dimension = Dimension::builder().name("FunctionName").value(full_name).build();
        let put = self.cloudwatch.put_metric_alarm().alarm_name(&name).namespace("AWS/Lambda");
        let put = put.metric_name("Errors").statistic(Statistic::Sum).period(300);
        let put = put.evaluation_periods(1).threshold(1000.0).dimensions(dimension);
        let put = put.comparison_operator(ComparisonOperator::GreaterThanThreshold);
        put.send().await.unwrap();
        let state = if is_raised { StateValue::Alarm } else { StateValue::Ok };
        let set = self.cloudwatch.set_alarm_state().alarm_name(&name).state_value(state);
        set.state_reason("set by a test").send().await.unwrap();
    }
}

/// Packs a file as `bootstrap`, as it is.
fn pack(file: &Path, archive: &Path) {
    let script = "import sys, zipfile\n\
        entry = zipfile.ZipInfo('bootstrap', date_time=(1980, 1, 1, 0, 0, 0))\n\
        entry.external_attr = 0o755 << 16\n\
        entry.compress_type = zipfile.ZIP_DEFLATED\n\
        with zipfile.ZipFile(sys.argv[2], 'w') as archive:\n\
        \x20   archive.writestr(entry, open(sys.argv[1], 'rb').read(), compresslevel=1)\n";
    let mut python = Command::new("python3");
    python.current_dir(repository()).args(["-c", script]).arg(file).arg(archive);
    assert!(python.status().unwrap().success());
}

impl Running {
    async fn output(self) -> Output {
        tokio::task::spawn_blocking(|| self.0.wait_with_output()).await.unwrap().unwrap()
    }

    /// Waits for its end, and returns exit code and answer.
    pub(crate) async fn end(self) -> (i32, Value) {
        let output = self.output().await;
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        let answer = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code().unwrap_or(-1), answer)
    }

    /// Kills it without a chance to tidy up.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Asks it to stop, and returns exit code and last words.
    pub(crate) async fn interrupt(self, patience: Duration) -> (i32, String) {
        let id = self.0.id().to_string();
        let kill = Command::new("kill").args(["-INT", &id]).status();
        assert!(kill.unwrap().success());
        let output = tokio::time::timeout(patience, self.output()).await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap_or(-1), said)
    }
}
