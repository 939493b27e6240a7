import Synchronization

/// The answers of several workers to one question, until all have come.
final class Gathering<Answer: Sendable>: Sendable {
    private let answers = Mutex<[Answer]>([])

    /// Adds an answer.
    /// - Returns: how many there are.
    func add(_ answer: Answer) -> Int {
        answers.withLock { answers in
            answers.append(answer)
            return answers.count
        }
    }

    var all: [Answer] { answers.withLock { $0 } }
}
