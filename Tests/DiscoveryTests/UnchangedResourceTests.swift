import Discovery
import Mesh
import Policy
import Schema
import Testing

/// Resources that come again as they were: a server that was started again sends everything once more.
@Suite struct UnchangedResourceTests {
    private static func store() -> ResourceStore {
        ResourceStore(settings: MeshSettings(node: "n1"), node: Schema.Node())
    }

    private static func named(_ name: String, _ resource: Resource, version: String? = nil) -> Resource {
        var resource = resource
        resource.name = name
        if let version { resource.version = version }
        return resource
    }

    private static func policy(_ action: Authorization.Action = .allow) -> Resource {
        var policy = Authorization()
        policy.name = "p"
        policy.namespace = "shop"
        policy.scope = .namespace
        policy.action = action
        return Messages.resource("shop/p", policy)
    }

    @Test func `what comes again unchanged stays the object that it is, under its new version`() throws {
        var store = Self.store()
        let (workload, policy) = (Messages.workload("a"), Self.policy())
        _ = store.apply(Messages.addresses([workload]))
        _ = store.apply(Messages.authorizations([policy]))
        let held = try #require(store.state.workload(uid: "a"))
        let heldPolicy = try #require(store.state.policies["shop/p"])
        let again = store.apply(Messages.addresses([Self.named("a", workload, version: "2")]))
        let policyAgain = store.apply(Messages.authorizations([Self.named("shop/p", policy, version: "3")]))
        #expect(store.state.workload(uid: "a") === held)
        #expect(store.state.policies["shop/p"] === heldPolicy)
        #expect(again.update.localWorkloads.isEmpty && !policyAgain.update.havePoliciesChanged)
        #expect(again.byteCount == workload.resource?.value.count)
        #expect(store.subscriptions().map(\.initialResourceVersions) == [["a": "2"], ["shop/p": "3"]])
    }

    @Test func `what comes again after it went is taken in once more`() {
        var store = Self.store()
        for _ in 0..<2 {
            _ = store.apply(Messages.addresses([Messages.workload("a"), Messages.service("s")]))
            _ = store.apply(Messages.authorizations([Self.policy()]))
            #expect(store.state.workload(uid: "a") != nil && store.state.policies["shop/p"] != nil)
            #expect(store.state.serviceCount == 1)
            _ = store.apply(Messages.addresses([], removing: ["a", "shop/s.shop.svc.cluster.local"]))
            _ = store.apply(Messages.authorizations([], removing: ["shop/p"]))
            #expect(store.state.workload(uid: "a") == nil && store.state.policies["shop/p"] == nil)
            #expect(store.state.serviceCount == 0)
        }
    }

    @Test func `what another source has put in its place gives way to it again`() {
        var store = Self.store()
        let own = Messages.workload("a") { $0.canonicalName = "own" }
        _ = store.apply(Messages.addresses([own]))
        _ = store.applyLocal(Messages.addresses([Messages.workload("a") { $0.canonicalName = "local" }]))
        #expect(store.state.workload(uid: "a")?.canonicalName == "local")
        _ = store.apply(Messages.addresses([own]))
        #expect(store.state.workload(uid: "a")?.canonicalName == "own")
    }

    @Test func `what another name has put in its place gives way to it again`() {
        var store = Self.store()
        let own = Messages.workload("a") { $0.canonicalName = "own" }
        let other = Self.named("b", Messages.workload("a") { $0.canonicalName = "other" })
        for resource in [own, other, own, other] {
            _ = store.apply(Messages.addresses([resource]))
            #expect(store.state.workload(uid: "a")?.canonicalName == (resource.name == "a" ? "own" : "other"))
        }
    }

    @Test func `what was refused is refused again, and the last good version stays`() {
        var store = Self.store()
        let good = Messages.workload("a") { $0.canonicalName = "good" }
        _ = store.apply(Messages.addresses([good]))
        let bad = Messages.workload("a") { $0.addresses = [[1]] }
        for _ in 0..<2 {
            #expect(store.apply(Messages.addresses([bad])).reply.errorDetail != nil)
            #expect(store.state.workload(uid: "a")?.canonicalName == "good")
        }
        #expect(store.apply(Messages.addresses([good])).reply.errorDetail == nil)
    }
}
