//! The consensus library's own suite for log stores, over every kind of store that we have.

mod common;

use common::machine::Machine;
use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use tenure_storage::{LogStore, TokioTypes};

struct Memory;

impl StoreBuilder<TokioTypes, LogStore<TokioTypes>, Machine> for Memory {
    async fn build(&self) -> Result<((), LogStore<TokioTypes>, Machine), StorageError<TokioTypes>> {
        Ok(((), LogStore::memory(), Machine::default()))
    }
}

#[tokio::test]
async fn memory_store_passes() {
    Suite::test_all(Memory).await.expect("the suite passes");
}
