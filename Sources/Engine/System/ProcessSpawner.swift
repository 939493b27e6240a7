internal import CLinux

/// posix_spawn with the options of `ChildProcess`.
struct ProcessSpawner {
    let options: ChildProcess.Options

    /// Starts the program; returns its process id.
    func spawn(_ arguments: [String]) throws(Errno) -> pid_t {
        guard let program = arguments.first else { throw .invalid }
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawnattr_init(&attributes)
        defer {
            unsafe posix_spawn_file_actions_destroy(&actions)
            unsafe posix_spawnattr_destroy(&attributes)
        }
        unsafe connect(options.input, to: STDIN_FILENO, &actions)
        unsafe connect(options.output, to: STDOUT_FILENO, &actions)
        unsafe connect(options.errors, to: STDERR_FILENO, &actions)
        // What we were started with may be open across exec.
        unsafe posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1)
        setAttributes(&attributes)

        let words = unsafe CStringList(arguments)
        let variables = unsafe CStringList(options.environment ?? [])
        defer {
            unsafe words.release()
            unsafe variables.release()
        }
        var identifier: pid_t = 0
        let failure: Int32 =
            if options.environment == nil {
                unsafe posix_spawnp(&identifier, program, &actions, &attributes, words.pointers, culvert_environment())
            } else {
                unsafe posix_spawnp(&identifier, program, &actions, &attributes, words.pointers, variables.pointers)
            }
        guard failure == 0 else { throw Errno(failure) }
        return identifier
    }

    private func connect(_ stream: ChildProcess.Stream, to number: Int32, _ actions: inout posix_spawn_file_actions_t) {
        switch stream {
        case .inherited: break
        case .null: unsafe posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
        case .appending(let path):
            unsafe posix_spawn_file_actions_addopen(&actions, number, path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        case .descriptor(let raw): unsafe posix_spawn_file_actions_adddup2(&actions, raw, number)
        }
    }

    /// Event loops block signals that they read from a descriptor, and programs ignore SIGPIPE; a child inherits
    /// neither.
    private func setAttributes(_ attributes: inout posix_spawnattr_t) {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe sigfillset(&signals)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        var flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)
        if options.startsSession { flags |= CULVERT_POSIX_SPAWN_SETSID }
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
    }
}
