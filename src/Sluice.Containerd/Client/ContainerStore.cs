using System.Text.Json;
using Sluice.Containerd.Grpc;
using Sluice.Containerd.Protos.Containers;
using Sluice.Containerd.Protos.Tasks;

namespace Sluice.Containerd.Client;

/// <summary>containerd's containers and their tasks.</summary>
public sealed class ContainerStore
{
    private readonly ContainerdClient _client;

    internal ContainerStore(ContainerdClient client) => _client = client;

    /// <summary>Null when there is no container of this id.</summary>
    public async Task<ContainerRecord?> FindAsync(string id, CancellationToken cancellation)
    {
        try
        {
            GetContainerResponse response = await _client.CallAsync(ContainerdMethods.GetContainer, new GetContainerRequest { Id = id }, cancellation);
            Container container = response.Container;
            return new ContainerRecord(container.Id, container.Image, container.Snapshotter, container.SnapshotKey);
        }
        catch (GrpcException exception) when (exception.Status is GrpcStatusCode.NotFound or GrpcStatusCode.InvalidArgument)
        {
            return null;
        }
    }

    /// <summary>The command line of a container's first process, as its OCI runtime specification has it; null when there is no container of this id, or it does not say.</summary>
    public async Task<IReadOnlyList<string>?> FindCommandAsync(string id, CancellationToken cancellation)
    {
        try
        {
            GetContainerResponse response = await _client.CallAsync(ContainerdMethods.GetContainer, new GetContainerRequest { Id = id }, cancellation);
            if (response.Container?.Spec is not { } spec) return null;
            using JsonDocument specification = JsonDocument.Parse(spec.Value.Memory);
            return [.. specification.RootElement.GetProperty("process").GetProperty("args").EnumerateArray().Select(word => word.GetString() ?? "")];
        }
        catch (GrpcException exception) when (exception.Status is GrpcStatusCode.NotFound or GrpcStatusCode.InvalidArgument)
        {
            return null;
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null; // of a runtime that is specified otherwise
        }
    }

    /// <summary>Stops all processes of a container until the result is disposed. A container that does not run, or is paused already, is left as it is.</summary>
    /// <param name="note">Made before they stop, disposed when they go on.</param>
    public async Task<IAsyncDisposable> PauseAsync(string id, Func<IDisposable> note, CancellationToken cancellation)
    {
        if (await FindStatusAsync(id, cancellation) != Status.Running) return new Pause(null, null);
        var pause = new Pause(() => ResumeAsync(id), note());
        try
        {
            await _client.CallAsync(ContainerdMethods.PauseTask, new PauseTaskRequest { ContainerId = id }, CancellationToken.None); // whose outcome must be known
            return pause;
        }
        catch
        {
            await pause.DisposeAsync(); // it may have been paused all the same
            throw;
        }
    }

    /// <summary>Lets a paused container go on; one that is not paused, or not there, is left as it is.</summary>
    /// <returns>False if it is being paused now: to be asked again.</returns>
    public async Task<bool> TryResumeAsync(string id, CancellationToken cancellation)
    {
        Status status = await FindStatusAsync(id, cancellation);
        if (status == Status.Paused) await ResumeAsync(id);
        return status != Status.Pausing;
    }

    private async Task ResumeAsync(string id)
    {
        try
        {
            await _client.CallAsync(ContainerdMethods.ResumeTask, new ResumeTaskRequest { ContainerId = id }, CancellationToken.None);
        }
        catch (GrpcException exception) when (exception.Status is GrpcStatusCode.NotFound or GrpcStatusCode.FailedPrecondition)
        {
            // It was killed or resumed meanwhile.
        }
    }

    private async Task<Status> FindStatusAsync(string id, CancellationToken cancellation)
    {
        try
        {
            return (await _client.CallAsync(ContainerdMethods.GetTask, new GetRequest { ContainerId = id }, cancellation)).Process.Status;
        }
        catch (GrpcException exception) when (exception.Status == GrpcStatusCode.NotFound)
        {
            return Status.Unknown;
        }
    }

    private sealed class Pause(Func<Task>? resume, IDisposable? note) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            if (resume is null) return;
            await resume();
            note?.Dispose();
        }
    }
}
