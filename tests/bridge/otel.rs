//! What a pipeline sends to a collector of OpenTelemetry's.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric, number_data_point};
use prost::Message;
use serde_json::json;

use crate::harness::{Broker, Database, Pipeline, created, wait_for};

/// A collector that keeps the last that it was sent, with the request's head.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Option<(String, ExportMetricsServiceRequest)>>>);

impl Collector {
    /// Listens from now on; its port.
    fn listen(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, kept) = (listener.local_addr().unwrap().port(), self.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let received = receive(stream);
                if received.is_some() {
                    *kept.0.lock().unwrap() = received;
                }
            }
        });
        port
    }

    fn last(&self) -> Option<(String, ExportMetricsServiceRequest)> {
        self.0.lock().unwrap().clone()
    }
}

fn receive(mut stream: TcpStream) -> Option<(String, ExportMetricsServiceRequest)> {
    let (mut bytes, mut part) = (Vec::new(), [0; 8192]);
    let (head, length) = loop {
        let n = stream.read(&mut part).ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&part[..n]);
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes.drain(..end + 4).collect()).ok()?.to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok())?;
            break (head, length);
        }
    };
    while bytes.len() < length {
        let n = stream.read(&mut part).ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&part[..n]);
    }
    let answer = ExportMetricsServiceResponse::default().encode_to_vec();
    let (n, kind) = (answer.len(), "application/x-protobuf");
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {n}\r\nConnection: close\r\n\r\n")
        .ok()?;
    stream.write_all(&answer).ok()?;
    Some((head, ExportMetricsServiceRequest::decode(bytes.as_slice()).ok()?))
}

fn text(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A number of a sum or gauge whose point has this attribute, or the count of a histogram.
fn number(metric: &Metric, (name, value): (&str, &str)) -> Option<f64> {
    let points = match metric.data.as_ref()? {
        metric::Data::Sum(sum) => &sum.data_points,
        metric::Data::Gauge(gauge) => &gauge.data_points,
        metric::Data::Histogram(histogram) => {
            let count = histogram.data_points.first()?.count;
            return u32::try_from(count).ok().map(f64::from);
        }
        _ => return None,
    };
    let point = points.iter().find(|point| text(&point.attributes, name).as_deref() == Some(value))?;
    match point.value? {
        number_data_point::Value::AsInt(number) => i32::try_from(number).ok().map(f64::from),
        number_data_point::Value::AsDouble(number) => Some(number),
    }
}

#[test]
fn metrics_are_sent_to_a_collector() {
    let (broker, database, collector) = (Broker::start(), Database::new(), Collector::default());
    database.execute("create table t (id int primary key)");
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[created("t", json!({"id": 1})), created("t", json!({"id": 2}))]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database)
        .with_variable("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{}", collector.listen()))
        .with_variable("OTEL_EXPORTER_OTLP_HEADERS", "x-scope=shop")
        .with_variable("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        .with_variable("OTEL_METRIC_EXPORT_INTERVAL", "200");
    let bridge = pipeline.start();
    let mut metrics = BTreeMap::new();
    wait_for("metrics of both rows", || {
        let (head, sent) = collector.last().ok_or("nothing was sent")?;
        if !head.starts_with("post /v1/metrics ") || !head.contains("x-scope: shop") {
            return Err(head);
        }
        let [of_resource] = sent.resource_metrics.as_slice() else { return Err(format!("{sent:?}")) };
        let attributes = &of_resource.resource.as_ref().unwrap().attributes;
        assert_eq!(text(attributes, "service.name").as_deref(), Some("rowkind"));
        assert_eq!(text(attributes, "deployment.environment.name").as_deref(), Some("test"));
        let all = of_resource.scope_metrics.iter().flat_map(|scope| &scope.metrics);
        metrics = all.map(|metric| (metric.name.clone(), metric.clone())).collect();
        match metrics.get("rowkind.rows").and_then(|rows| number(rows, ("kind", "insert"))) {
            Some(2.0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    let of_pipeline = ("pipeline", pipeline.name());
    for (name, expected) in [
        ("rowkind.records", 2.0),
        ("rowkind.batches", 1.0),
        ("rowkind.rejects", 0.0),
        ("rowkind.partition_lag_records", 0.0),
        ("rowkind.ready", 1.0),
        ("rowkind.dedup_keys", 2.0),
        ("rowkind.batch_apply_seconds", 1.0),
        ("rowkind.batch_records", 1.0),
    ] {
        assert_eq!(metrics.get(name).and_then(|metric| number(metric, of_pipeline)), Some(expected), "{name}");
    }
    assert_eq!(metrics["rowkind.batch_apply_seconds"].unit, "s");
    bridge.stop().with_code(0);
}

#[test]
fn a_collector_that_is_away_or_no_url() {
    let (broker, database) = (Broker::start(), Database::new());
    database.execute("create table t (id int primary key)");
    let topic = broker.topic("shop.public.t", 1);
    broker.write(&topic, 0, &[created("t", json!({"id": 1}))]);
    let pipeline = Pipeline::from_topics(&broker, &[&topic], &database).set("source.stop", "latest-offset");
    pipeline.clone().with_variable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1").run().with_code(0);
    database.wait_for_rows("select id from t", "(1)");
    let refused = pipeline.clone().with_variable("OTEL_EXPORTER_OTLP_ENDPOINT", "no url");
    refused.run().with_code(2).says("OTEL_EXPORTER_OTLP_");
    let refused = pipeline
        .with_variable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
        .with_variable("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    refused.run().with_code(2).says("OTEL_EXPORTER_OTLP_");
}
