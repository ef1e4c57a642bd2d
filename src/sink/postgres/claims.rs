//! Whose the partitions of a pipeline are and how far they have come, by way of the sink's connection.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::Connection;

use super::{Failure, PostgresSink, offsets};
use crate::records::{Advance, Claim, TopicPartition};
use crate::rejects::blocked::Keys;

impl PostgresSink {
    /// Makes the schema `rowkind` where it is missing, and claims partitions for this instance.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn claim(&mut self, partitions: &[(TopicPartition, i64)]) -> Result<Vec<Claim>, Failure> {
        let result = self.claim_all(partitions).await;
        self.after(result)
    }

    async fn claim_all(&mut self, partitions: &[(TopicPartition, i64)]) -> Result<Vec<Claim>, Failure> {
        let ledger = Arc::clone(&self.ledger);
        let connection = self.connected().await?;
        let mut claims = Vec::with_capacity(partitions.len());
        offsets::create_schema(connection).await?;
        for (partition, start) in partitions {
            claims.push(offsets::claim(connection, &ledger.pipeline, partition, *start).await?);
        }
        ledger.open(connection, partitions).await?;
        Ok(claims)
    }

    /// Forgets the pipeline's offsets: it has come to its end.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn forget_offsets(&mut self) -> Result<(), Failure> {
        let pipeline = self.ledger.pipeline.clone();
        Ok(offsets::forget(self.connected().await?, &pipeline).await?)
    }

    /// Claims the whole pipeline, for as long as this sink's connection lives. `false` when another one has it.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn claim_pipeline(&mut self) -> Result<bool, Failure> {
        let pipeline = self.ledger.pipeline.clone();
        let result = match self.connected().await {
            Ok(connection) => offsets::claim_pipeline(connection, &pipeline).await.map_err(Failure::from),
            Err(failure) => Err(failure),
        };
        self.after(result)
    }

    /// The pipeline's next offsets.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn next_offsets(&mut self) -> Result<HashMap<TopicPartition, i64>, Failure> {
        let result = self.read_next_offsets().await;
        self.after(result)
    }

    async fn read_next_offsets(&mut self) -> Result<HashMap<TopicPartition, i64>, Failure> {
        let pipeline = self.ledger.pipeline.clone();
        let connection = self.connected().await?;
        offsets::create_schema(connection).await?;
        Ok(offsets::all(connection, &pipeline).await?)
    }

    /// Stores where the partitions of the pipeline start, unless it has begun already.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn begin(&mut self, starts: &[(TopicPartition, i64)]) -> Result<(), Failure> {
        let result = self.store_starts(starts).await;
        self.after(result)
    }

    async fn store_starts(&mut self, starts: &[(TopicPartition, i64)]) -> Result<(), Failure> {
        let pipeline = self.ledger.pipeline.clone();
        Ok(offsets::begin(self.connected().await?, &pipeline, starts).await?)
    }

    /// The keys that open rejects of a partition block, with the offset of each, in its order.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer.
    pub async fn open_keys(&mut self, partition: &TopicPartition) -> Result<Vec<(Keys, i64)>, Failure> {
        let ledger = Arc::clone(&self.ledger);
        let result = async { Ok(ledger.open_keys(self.connected().await?, partition).await?) }.await;
        self.after(result)
    }

    /// Whether the target answers, and the partitions of these advances stand where those led. What another instance has taken over since does not count.
    ///
    /// # Errors
    ///
    /// When Postgres refuses or does not answer, or the target has gone back.
    pub async fn check_standing(&mut self, advances: &[Advance]) -> Result<(), Failure> {
        let pipeline = self.ledger.pipeline.clone();
        let partitions: Vec<&TopicPartition> = advances.iter().map(|advance| &advance.partition).collect();
        let result = async {
            if advances.is_empty() {
                return Ok(self.connected().await?.ping().await?);
            }
            let stand = offsets::stand(self.connected().await?, &pipeline, &partitions).await?;
            let mut left_at = advances.iter().zip(stand);
            left_at.try_for_each(|(advance, stands)| offsets::check_taken(advance, advance.to, stands))
        };
        let result = result.await;
        self.after(result)
    }
}
