import EventLoop
public import Primitives

extension DiscoveryClient {
    /// Asks for resources by name that the state does not have, where the control plane tells on demand; a name that it
    /// lately had nothing for is not asked for again. Calls back when the state is as good as it gets, perhaps at once:
    /// with true once each name is answered, with false when an answer does not come in time.
    public func learn(
        _ names: [String], within limit: Duration = Limits.nameAnswerDuration, _ completion: @escaping (Bool) -> Void
    ) {
        guard store.isOnDemand else { return completion(true) }
        let (awaited, new) = requested.need(names, at: loop.now, isConnected: isConnected)
        if !new.isEmpty { send(store.request(for: new)) }
        guard !awaited.isEmpty else { return completion(true) }
        let number = nextQuestion
        nextQuestion += 1
        for name in awaited { questionsByName[name, default: []].append(number) }
        let timer = loop.after(limit) { [weak self] in self?.giveUp(number) }
        questions[number] = Question(names: awaited, awaited: awaited, timer: timer, completion: completion)
    }

    /// Ends the questions that a response about addresses has answered, once the state that it made has been told.
    func settle(present: [String], removed: [String]) {
        guard store.isOnDemand else { return }
        let answered = requested.answer(present: present, removed: removed, at: loop.now)
        for name in answered {
            for number in questionsByName.removeValue(forKey: name) ?? [] {
                questions[number]?.awaited.remove(name)
                guard let question = questions[number], question.awaited.isEmpty else { continue }
                questions[number] = nil
                loop.cancel(question.timer)
                question.completion(true)
            }
        }
    }

    private func giveUp(_ number: Int) {
        guard let question = questions.removeValue(forKey: number) else { return }
        for name in question.awaited { questionsByName[name]?.removeAll { $0 == number } }
        question.completion(requested.giveUp(question.awaited, at: loop.now))
    }

    /// One who waits for answers.
    struct Question {
        let names: Set<String>
        var awaited: Set<String>
        let timer: TimerToken
        let completion: (Bool) -> Void
    }
}
