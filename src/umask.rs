//! Keeps what is written here from everybody else on this machine.

/// Lets files and folders be made without any right for users outside of the group, whatever the
/// shell allows. Who runs this may allow less.
pub(crate) fn keep_others_out() {
    #[cfg(unix)]
    {
        use rustix::fs::Mode;
        use rustix::process::umask;
        // There is no way to ask without setting.
        let given = umask(Mode::RWXO);
        umask(given | Mode::RWXO);
    }
}
