//! The pipelines of the documentation do what the page says.

use shared::etl::read_pipeline;
use shared::ports::PipelineEngine as _;

use crate::place::Place;

const PAGE: &str = include_str!("../../../../../docs/pipelines.md");

#[tokio::test]
async fn pipelines_of_the_page_pass_their_tests() {
    let blocks = PAGE.split("```yaml\n").skip(1).filter_map(|it| it.split("```").next());
    let (mut n_pipelines, mut n_tests) = (0, 0);
    for block in blocks {
        let pipeline = read_pipeline("page", block).unwrap_or_else(|it| panic!("{it:#?}\n{block}"));
        Place::engine().plan(&pipeline).unwrap_or_else(|it| panic!("{it:#?}\n{block}"));
        n_pipelines += 1;
        for test in &pipeline.tests {
            let found = Place::engine().try_rows(&pipeline, test).await;
            let found = found.unwrap_or_else(|it| panic!("{}: {it}", test.name));
            let report = test.judge(&found);
            assert_eq!(report.differences, [""; 0], "{}: {}", pipeline.name, test.name);
            n_tests += 1;
        }
    }
    assert!(n_pipelines >= 5 && n_tests >= 5, "{n_pipelines} {n_tests}");
}
