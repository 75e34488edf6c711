use tracing_subscriber::EnvFilter;

const SDK: [&str; 4] =
    ["aws_smithy_runtime=info", "aws_smithy_runtime_api=info", "aws_runtime=info", "hyper=info"];

/// Writes one JSON object a line to standard output, which Lambda puts in the function's log group.
///
/// `level` is a level or a filter (`info`, `info,hyper=warn`). What cannot be read counts as `info`.
pub fn start_telemetry(level: &str) {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    // At lower levels, the SDK logs what it sends and receives, which is customers' data.
    let filter = SDK.iter().filter_map(|capped| capped.parse().ok()).fold(filter, EnvFilter::add_directive);
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_target(false)
        .init();
}
