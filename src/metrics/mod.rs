//! What a pipeline tells of itself over HTTP: `/metrics` for Prometheus, `/healthz` and `/readyz` for an orchestrator, and `/`, a page
//! for people.
//!
//! Comes in: [`Progress`], which the lanes and the source write to. Goes out: text. Nothing is changed by looking.

mod exposition;
mod history;
pub mod otel;
mod page;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::progress::Progress;
use history::History;

/// What is told, and of what.
#[derive(Debug)]
pub struct Told {
    /// The pipeline's name.
    pub pipeline: String,
    /// Its settings as they were typed, without what is secret.
    pub settings: Vec<(String, String)>,
    /// What it has done.
    pub progress: Arc<Progress>,
}

struct Shared {
    told: Arc<Told>,
    history: History,
}

/// Listens at an address, and answers until it is aborted.
///
/// # Errors
///
/// When somebody else listens there, or the address is not of this machine.
pub async fn serve(address: SocketAddr, told: Arc<Told>) -> io::Result<JoinHandle<()>> {
    let listener = TcpListener::bind(address).await?;
    tracing::info!(%address, "metrics, health and a page for people");
    let shared = Arc::new(Shared { told, history: History::default() });
    let router = Router::new()
        .route("/", get(page))
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(readiness))
        .with_state(Arc::clone(&shared));
    Ok(tokio::spawn(async move {
        let answer = axum::serve(listener, router);
        tokio::select! {
            _ = answer => {}
            () = shared.history.note_for_ever(&shared.told.progress) => {}
        }
    }))
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (content_type, exposition::text(&shared.told)).into_response()
}

async fn readiness(State(shared): State<Arc<Shared>>) -> Response {
    match shared.told.progress.readiness() {
        Ok(()) => "ready\n".into_response(),
        Err(unready) => (StatusCode::SERVICE_UNAVAILABLE, format!("{unready}\n")).into_response(),
    }
}

async fn page(State(shared): State<Arc<Shared>>) -> Html<String> {
    Html(page::html(&shared.told, &shared.history))
}
