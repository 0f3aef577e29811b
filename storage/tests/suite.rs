//! The consensus library's own suite for log stores, over every kind of store that we have.

mod common;

use common::machine::Machine;
use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use tempfile::TempDir;
use tenure_storage::{Identity, LogStore, TokioTypes};

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

struct Disk;

impl StoreBuilder<TokioTypes, LogStore<TokioTypes>, Machine, TempDir> for Disk {
    async fn build(&self) -> Result<(TempDir, LogStore<TokioTypes>, Machine), StorageError<TokioTypes>> {
        let dir = TempDir::new().expect("a directory for one test");
        let identity = Identity { cluster: "suite".to_owned(), node: 1 };
        let (log, _snapshots) = tenure_storage::open(dir.path(), &identity, None).expect("a new directory opens");
        Ok((dir, log, Machine::default()))
    }
}

#[tokio::test]
async fn disk_store_passes() {
    Suite::test_all(Disk).await.expect("the suite passes");
}
