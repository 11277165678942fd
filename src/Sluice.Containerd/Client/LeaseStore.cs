using System.Globalization;
using Sluice.Containerd.Protos.Leases;

namespace Sluice.Containerd.Client;

/// <summary>containerd's leases: what belongs to one is safe from garbage collection.</summary>
public sealed class LeaseStore
{
    private readonly ContainerdClient _client;

    internal LeaseStore(ContainerdClient client) => _client = client;

    /// <param name="expires">When containerd drops the lease by itself, should nobody delete it.</param>
    public Task CreateAsync(string id, DateTimeOffset expires, CancellationToken cancellation)
    {
        CreateRequest request = new() { Id = id };
        request.Labels["containerd.io/gc.expire"] = expires.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        return _client.CallAsync(ContainerdMethods.CreateLease, request, cancellation);
    }

    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellation)
    {
        ListResponse response = await _client.CallAsync(ContainerdMethods.ListLeases, new ListRequest(), cancellation);
        return [.. response.Leases.Select(lease => lease.Id)];
    }

    /// <param name="type"><c>content</c>, <c>ingests</c> or <c>snapshots/NAME</c>.</param>
    /// <param name="resource">Digest, reference or key.</param>
    public Task AddAsync(string id, string type, string resource, CancellationToken cancellation) =>
        _client.CallAsync(
            ContainerdMethods.AddLeaseResource, new AddResourceRequest { Id = id, Resource = new Resource { Id = resource, Type = type } }, cancellation);

    /// <param name="wait">True: returns when garbage collection has run.</param>
    public Task DeleteAsync(string id, bool wait, CancellationToken cancellation) =>
        _client.CallAsync(ContainerdMethods.DeleteLease, new DeleteRequest { Id = id, Sync = wait }, cancellation);
}
