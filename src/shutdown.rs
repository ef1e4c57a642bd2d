//! The wish to stop, seen by every task and thread.

use std::sync::Arc;

use tokio::sync::watch;

/// A flag that is raised once. Clones are of the same flag.
#[derive(Debug, Clone)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Default for Shutdown {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Shutdown {
    /// Raises the flag.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// Whether it is raised.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is raised.
    pub async fn requested(&self) {
        // the sender lives in self, so that this cannot fail
        let _ = self.0.subscribe().wait_for(|requested| *requested).await;
    }

    /// A flag for a part of the work: it is raised with this one, or by itself.
    #[must_use]
    pub fn part(&self) -> Self {
        let (whole, part) = (self.clone(), Self::default());
        let raised = part.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = whole.requested() => raised.request(),
                () = raised.requested() => {}
            }
        });
        part
    }

    /// Raises the flag at the first SIGTERM or SIGINT of the process.
    ///
    /// # Errors
    ///
    /// When the signals cannot be listened to.
    pub fn on_signals(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let shutdown = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("signal received: draining");
            shutdown.request();
        });
        Ok(())
    }
}
