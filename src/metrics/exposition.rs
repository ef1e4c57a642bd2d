//! `/metrics`: Prometheus's text. Names are as <https://prometheus.io/docs/practices/naming/> asks: base units, `_total` for counters.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use rowkind_formats::RowKind;

use super::Told;
use crate::progress::{Progress, Standing};
use crate::version;

/// The values of now.
pub(super) fn text(told: &Told) -> String {
    let labels = [("pipeline".into(), told.pipeline.clone().into())];
    let mut registry = Registry::with_prefix_and_labels("rowkind", labels.into_iter());
    registry.register_collector(Box::new(Pipeline { progress: Arc::clone(&told.progress) }));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry).expect("a string takes all that is written");
    let mut of_process = Registry::default();
    of_process.register_collector(Box::new(Process { began_at: told.progress.began_at() }));
    prometheus_text::encode(&mut text, &of_process).expect("a string takes all that is written");
    text
}

#[derive(Debug)]
struct Pipeline {
    progress: Arc<Progress>,
}

impl Collector for Pipeline {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let progress = &*self.progress;
        for (name, help, value) in progress.counters() {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            metric.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        for (name, help, histogram) in progress.histograms() {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
            let (sum, count, buckets) = histogram.read();
            let mut metric: MetricEncoder<'_> = metric;
            metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        self.rows(&mut encoder)?;
        self.partitions(&mut encoder)?;
        for (name, help, value) in progress.gauges() {
            if let Some(value) = value {
                gauge(&mut encoder, name, help, i64::try_from(value).unwrap_or(i64::MAX))?;
            }
        }
        let mut labels = vec![("version", version::VERSION)];
        labels.extend(version::commit().map(|commit| ("commit", commit)));
        let mut metric = encoder.encode_descriptor("build_info", "The version", None, MetricType::Gauge)?;
        metric.encode_family(&labels)?.encode_gauge(&1_i64)
    }
}

impl Pipeline {
    fn rows(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "Changelog rows applied, by table and kind";
        let mut metric = encoder.encode_descriptor("rows", help, None, MetricType::Counter)?;
        for (table, rows) in self.progress.tables() {
            for (kind, n) in rows.by_kind() {
                let labels = [("table", table.as_str()), ("kind", word(kind))];
                metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&n, None)?;
            }
        }
        Ok(())
    }

    fn partitions(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let standings = self.progress.standings();
        let mut family = |name: &str, help: &str, of: &dyn Fn(&Standing) -> Option<f64>| {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for standing in &standings {
                let partition = standing.partition.partition.to_string();
                let labels = [("topic", &*standing.partition.topic), ("partition", partition.as_str())];
                if let Some(value) = of(standing) {
                    metric.encode_family(&labels)?.encode_gauge(&value)?;
                }
            }
            Ok(())
        };
        #[expect(clippy::cast_precision_loss, reason = "Prometheus's numbers are floats")]
        let of_offset = |offset: i64| Some(offset as f64);
        family("partition_next_offset", "The next offset to apply", &|at| of_offset(at.next_offset))?;
        family("partition_end_offset", "The broker's next offset", &|at| of_offset(at.end))?;
        family("partition_lag_records", "Records on the broker that are not applied", &|at| of_offset(at.lag))?;
        family("partition_lag_seconds", "Age of the last record that was applied, where there are later ones", &|at| {
            at.lag_seconds
        })
    }
}

/// What Prometheus's own clients tell of their process, as far as Linux says it.
#[derive(Debug)]
struct Process {
    began_at: SystemTime,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let began = self.began_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        gauge(&mut encoder, "process_start_time_seconds", "When it began, in seconds since 1970", began)?;
        if let Some(bytes) = resident_bytes() {
            gauge(&mut encoder, "process_resident_memory_bytes", "Resident memory", bytes)?;
        }
        if let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") {
            let n = i64::try_from(descriptors.count()).unwrap_or(i64::MAX);
            gauge(&mut encoder, "process_open_fds", "Open file descriptors", n)?;
        }
        Ok(())
    }
}

fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    kilobytes.trim().strip_suffix(" kB")?.parse::<i64>().ok()?.checked_mul(1_024)
}

fn gauge<N>(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: N) -> Result<(), fmt::Error>
where
    ConstGauge<N>: EncodeMetric,
{
    let gauge = ConstGauge::new(value);
    gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

pub(super) fn word(kind: RowKind) -> &'static str {
    match kind {
        RowKind::Insert => "insert",
        RowKind::UpdateBefore => "update_before",
        RowKind::UpdateAfter => "update_after",
        RowKind::Delete => "delete",
    }
}
