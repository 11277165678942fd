using Sluice.Build.Unpack;
using Sluice.Formats;
using Sluice.Formats.Oci;
using Sluice.Storage.Sources;

namespace Sluice.Node.Images;

/// <summary>
/// The layers of one ordinary image on their way: from the first that is asked for on, all are downloaded and unpacked side by side, each into a directory of its own, until they are asked for, too.
/// </summary>
/// <param name="makePlan">What it throws leaves all layers to containerd.</param>
/// <param name="slots">Layers at a time, of all images.</param>
/// <param name="directory">Where layers go; exists.</param>
/// <param name="failed">Told which layer is left to containerd, and why; a null layer: all.</param>
internal sealed class OrdinaryPull(Func<CancellationToken, Task<OrdinaryPlan>> makePlan, SemaphoreSlim slots, string directory, Action<Digest?, string> failed) : IAsyncDisposable
{
    private readonly CancellationTokenSource _over = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<int, Task<OrdinaryLayer>> _layers = [];
    private Task<OrdinaryPlan?>? _plan;
    private bool _begun;
    private int _waiting;
    private bool _isOver;

    /// <summary>Whoever takes layers enters first. False: it has ended.</summary>
    public bool TryEnter()
    {
        lock (_gate)
        {
            if (_isOver) return false;
            _waiting++;
            return true;
        }
    }

    /// <summary>True: nobody waits, and nothing is left to be taken; it has ended.</summary>
    /// <param name="anyway">End it though layers are left.</param>
    public bool TryEnd(bool anyway)
    {
        lock (_gate) return _isOver = _isOver || (_waiting == 0 && (anyway || _layers.Count == 0));
    }

    public void Leave()
    {
        lock (_gate) _waiting--;
    }

    /// <summary>Waits for a layer. Null: it is left to containerd.</summary>
    /// <param name="chain">Its chain id.</param>
    public async Task<OrdinaryLayer?> TakeAsync(string chain, CancellationToken cancellation)
    {
        if (await PlanAsync(cancellation) is not { } plan) return null;
        int index = plan.Chain.ToList().FindIndex(id => id.ToString() == chain);
        if (index < 0)
        {
            failed(null, $"its configuration knows no layer of the chain id {chain}");
            return null;
        }

        try
        {
            OrdinaryLayer layer = await Get(plan, index).WaitAsync(cancellation);
            Forget(index);
            return layer;
        }
        catch (Exception exception) when (!cancellation.IsCancellationRequested)
        {
            Forget(index);
            if (exception is not OperationCanceledException) failed(plan.Layers[index].Digest, Words(exception)); // else this has ended
            return null;
        }
    }

    /// <summary>Ends what is under way and deletes what nobody has taken.</summary>
    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        Task<OrdinaryLayer>[] left;
        lock (_gate) (_isOver, left) = (true, [.. _layers.Values]);
        foreach (Task<OrdinaryLayer> layer in left)
        {
            await ((Task)layer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (layer.IsCompletedSuccessfully) layer.Result.Dispose();
        }

        if (_plan is { } plan)
        {
            await ((Task)plan).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (plan is { IsCompletedSuccessfully: true, Result: { } made }) await made.DisposeAsync();
        }

        _over.Dispose();
    }

    /// <summary>A failure is told once, and is the plan then: no other layer need wait for it again.</summary>
    private Task<OrdinaryPlan?> PlanAsync(CancellationToken cancellation)
    {
        lock (_gate) return (_plan ??= Task.Run(MakeAsync)).WaitAsync(cancellation);

        async Task<OrdinaryPlan?> MakeAsync()
        {
            try
            {
                return await makePlan(_over.Token);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                failed(null, Words(exception));
                return null;
            }
        }
    }

    private Task<OrdinaryLayer> Get(OrdinaryPlan plan, int index)
    {
        lock (_gate)
        {
            // containerd asks bottom up and leaves out what it has: what is above is what it lacks, as a rule.
            for (int next = index; !_begun && next < plan.Layers.Count; next++) _ = Begin(plan, next);
            _begun = true;
            return _layers.TryGetValue(index, out Task<OrdinaryLayer>? layer) ? layer : Begin(plan, index);
        }
    }

    /// <summary>Given away, or to be tried anew by whoever asks again.</summary>
    private void Forget(int index)
    {
        lock (_gate) _layers.Remove(index);
    }

    /// <summary>Of a defect, all that is known.</summary>
    private static string Words(Exception exception) => exception is SluiceException ? exception.Message : exception.ToString();

    private Task<OrdinaryLayer> Begin(OrdinaryPlan plan, int index) => _layers[index] = Task.Run(() => BringAsync(plan.Store, plan.Layers[index], plan.DiffIds[index]));

    private async Task<OrdinaryLayer> BringAsync(IImageStore store, Descriptor layer, Digest diffId)
    {
        await slots.WaitAsync(_over.Token);
        string place = Path.Combine(directory, Guid.NewGuid().ToString("n"));
        try
        {
            Directory.CreateDirectory(place, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            Stream blob = await RangedBlob.OpenAsync(store, layer, _over.Token);
            UnpackedLayer unpacked = await LayerUnpacker.RunAsync(blob, layer, diffId, place, _over.Token);
            return new OrdinaryLayer(place, unpacked, reason => failed(layer.Digest, reason));
        }
        catch (Exception exception)
        {
            OrdinaryLayer.Remove(place);
            if (exception is IOException or UnauthorizedAccessException) throw new SluiceException(SluiceError.Disk, place, exception.Message, inner: exception);
            throw;
        }
        finally
        {
            slots.Release();
        }
    }
}
