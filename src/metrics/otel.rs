//! The same metrics for OpenTelemetry: sent by OTLP, over HTTP, where the standard environment variables say so
//! (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>). Without them nothing is made and nothing is sent.
//!
//! `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` turn it on; headers, time-outs, the interval and what the resource is
//! called are read by the SDK.

use std::env;
use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter, MeterProvider};
use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;

use super::Told;
use super::exposition::word;
use crate::progress::{Progress, Standing};

/// Why nothing can be sent, though it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("OpenTelemetry: {0}: see the OTEL_EXPORTER_OTLP_… variables")]
pub struct Unsendable(String);

/// What is sent until it is ended.
#[derive(Debug)]
pub struct Sending(SdkMeterProvider);

impl Sending {
    /// Sends what is told of a pipeline, at the interval that the environment says; `None` where it names nobody to send it to.
    ///
    /// # Errors
    ///
    /// When it names somebody by what is no URL, or a protocol that is not spoken here.
    pub fn start(told: &Told) -> Result<Option<Self>, Unsendable> {
        if !is_asked_for(|name| env::var(name).ok()) {
            return Ok(None);
        }
        let protocols = ["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
        let protocol = protocols.iter().find_map(|name| env::var(name).ok()).filter(|protocol| !protocol.is_empty());
        if let Some(protocol) = protocol.filter(|protocol| protocol != "http/protobuf") {
            return Err(Unsendable(format!("the protocol is http/protobuf, and not {protocol}")));
        }
        let exporter = MetricExporter::builder().with_http().build().map_err(|error| Unsendable(error.to_string()))?;
        let resource = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        let resource = match env::var("OTEL_SERVICE_NAME") {
            Ok(_) => resource,
            Err(_) => resource.with_service_name("rowkind"),
        };
        let provider =
            SdkMeterProvider::builder().with_periodic_exporter(exporter).with_resource(resource.build()).build();
        instrument(&provider.meter("rowkind"), &told.pipeline, &told.progress);
        tracing::info!("metrics are sent to OpenTelemetry");
        Ok(Some(Self(provider)))
    }

    /// Sends what there is, and ends.
    pub async fn end(self) {
        let ended = tokio::task::spawn_blocking(move || self.0.shutdown()).await;
        if let Ok(Err(error)) = ended {
            tracing::warn!("OpenTelemetry: the last metrics were not sent: {error}");
        }
    }
}

/// Whether the environment names somebody to send metrics to.
fn is_asked_for(variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name| variable(name).is_some_and(|text| !text.is_empty());
    let says = |name, text: &str| variable(name).is_some_and(|said| said.eq_ignore_ascii_case(text));
    (is_set("OTEL_EXPORTER_OTLP_ENDPOINT") || is_set("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"))
        && !says("OTEL_SDK_DISABLED", "true")
        && !says("OTEL_METRICS_EXPORTER", "none")
}

/// Names are those of `/metrics`, with a point behind `rowkind`.
fn instrument(meter: &Meter, pipeline: &str, progress: &Arc<Progress>) {
    let pipeline = KeyValue::new("pipeline", pipeline.to_owned());
    for (at, (name, help, _)) in progress.counters().into_iter().enumerate() {
        let (progress, pipeline) = (Arc::clone(progress), pipeline.clone());
        let counter = meter.u64_observable_counter(format!("rowkind.{name}")).with_description(help);
        let read = move |progress: &Progress| progress.counters()[at].2;
        counter.with_callback(move |told| told.observe(read(&progress), std::slice::from_ref(&pipeline))).build();
    }
    for (name, help, histogram) in progress.histograms() {
        let recorder = meter.f64_histogram(format!("rowkind.{name}")).with_description(help);
        let recorder = if name.ends_with("_seconds") { recorder.with_unit("s") } else { recorder };
        let recorder = recorder.with_boundaries(histogram.bounds().to_vec()).build();
        let pipeline = pipeline.clone();
        histogram.tell(move |value| recorder.record(value, std::slice::from_ref(&pipeline)));
    }
    for (at, (name, help, _)) in progress.gauges().into_iter().enumerate() {
        let (progress, pipeline) = (Arc::clone(progress), pipeline.clone());
        let gauge = meter.u64_observable_gauge(format!("rowkind.{name}")).with_description(help);
        let tell = move |told: &dyn AsyncInstrument<u64>| {
            if let (_, _, Some(value)) = progress.gauges()[at] {
                told.observe(value, std::slice::from_ref(&pipeline));
            }
        };
        gauge.with_callback(tell).build();
    }
    rows(meter, &pipeline, progress);
    partitions(meter, &pipeline, progress);
}

fn rows(meter: &Meter, pipeline: &KeyValue, progress: &Arc<Progress>) {
    let (progress, pipeline) = (Arc::clone(progress), pipeline.clone());
    let counter =
        meter.u64_observable_counter("rowkind.rows").with_description("Changelog rows applied, by table and kind");
    counter
        .with_callback(move |told| {
            for (table, rows) in progress.tables() {
                for (kind, n) in rows.by_kind() {
                    let labels =
                        [KeyValue::new("table", table.clone()), KeyValue::new("kind", word(kind)), pipeline.clone()];
                    told.observe(n, &labels);
                }
            }
        })
        .build();
}

type Of = fn(&Standing) -> Option<f64>;

fn partitions(meter: &Meter, pipeline: &KeyValue, progress: &Arc<Progress>) {
    #[expect(clippy::cast_precision_loss, reason = "what is told are floats")]
    let gauges: [(&'static str, &'static str, Of); 2] = [
        ("rowkind.partition_lag_records", "Records on the broker that are not applied", |at| Some(at.lag as f64)),
        (
            "rowkind.partition_lag_seconds",
            "Age of the last record that was applied, where there are later ones",
            |at| at.lag_seconds,
        ),
    ];
    for (name, help, of) in gauges {
        let (progress, pipeline) = (Arc::clone(progress), pipeline.clone());
        let gauge = meter.f64_observable_gauge(name).with_description(help);
        gauge
            .with_callback(move |told| {
                for standing in progress.standings() {
                    let topic = KeyValue::new("topic", standing.partition.topic.to_string());
                    let partition = KeyValue::new("partition", i64::from(standing.partition.partition));
                    if let Some(value) = of(&standing) {
                        told.observe(value, &[topic, partition, pipeline.clone()]);
                    }
                }
            })
            .build();
    }
}

#[cfg(test)]
mod tests {
    use super::is_asked_for;

    #[test]
    fn the_environment_turns_it_on_and_off() {
        let asks = |set: &[(&str, &str)]| {
            is_asked_for(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
        assert!(asks(&[endpoint]));
        assert!(asks(&[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://localhost:4318/v1/metrics")]));
        assert!(!asks(&[]));
        assert!(!asks(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]));
        assert!(!asks(&[endpoint, ("OTEL_SDK_DISABLED", "TRUE")]));
        assert!(!asks(&[endpoint, ("OTEL_METRICS_EXPORTER", "none")]));
    }
}
