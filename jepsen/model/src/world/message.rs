//! The text of an HMC's refusals.

use super::command::Refusal;

impl Refusal {
    /// The output of the command line, with the name of the object.
    pub fn message(self, object: &str) -> String {
        match self {
            // There is no output. This is the SSH client's message.
            Refusal::HmcDown => "Connection refused".into(),
            Refusal::NoSuchServer => format!("HSCL8018 The managed system {object} was not found."),
            Refusal::NoSuchLpar => {
                format!(
                    "HSCL8012 The partition named {object} was not found.  Please check your entry and retry the command."
                )
            }
            Refusal::NoSuchProfile => format!("HSCL800F A partition profile of {object} was not found."),
            Refusal::NotOff => {
                format!("HSCL05EA Partition {object} cannot be activated since it is not in the Not Activated state.")
            }
            Refusal::AlreadyOff => {
                format!("HSCL1558 The shut down operation for {object} is unavailable in the current partition state.")
            }
            Refusal::WrongState => {
                "HSCL05DF The partition is not in a state under which this operation can be performed. \
                                Check the state of the partition."
                    .into()
            }
            Refusal::NoRmc => format!(
                "HSCL0DB4 The operating system of {object} cannot be shut down because there is no RMC connection to it."
            ),
            Refusal::NotOperating => {
                "HSCL0238 This operation is only allowed when the managed system is in the Operating state.".into()
            }
            Refusal::NoConnection => {
                "HSCL0237 This operation is not allowed when the managed system is in the No Connection state.".into()
            }
            Refusal::Busy => "HSCL3205 The managed system is busy with another operation. Try again later.".into(),
            Refusal::NotEnoughMemory => {
                format!("HSCL03EC There is not enough memory available to activate the partition {object}.")
            }
            Refusal::NotEnoughProcessors => {
                format!("HSCL03ED There are not enough processing units available to activate the partition {object}.")
            }
            Refusal::AlreadyDefined => {
                format!("HSCL05DE The partition name {object} is already in use on the destination managed system.")
            }
            Refusal::CannotHost => {
                "HSCLA319 The migrating partition's virtual fibre channel client adapter 2 cannot be hosted \
                                by the existing Virtual I/O Server (VIOS) partitions on the destination managed system."
                    .into()
            }
            // The codes are recorded, the sentences are not.
            Refusal::NoAuthority => "HSCL350B The user does not have the appropriate authority.".into(),
            Refusal::NotPrintable => {
                format!("HSCLC63B The description of the partition {object} must be printable ASCII characters.")
            }
            // No recording of these is known, so the codes do not exist on a real HMC.
            Refusal::NotDown => {
                "HSCLFF01 (synthetic) The source managed system is not in a state that allows a remote restart.".into()
            }
            Refusal::Unlisted => "HSCLFF03 (synthetic) The operation was not carried out.".into(),
            Refusal::MoveFailed => {
                format!("HSCLFF02 (synthetic) The move of the partition {object} was begun and failed.")
            }
        }
    }
}
