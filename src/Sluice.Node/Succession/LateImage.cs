using Sluice.Formats;
using Sluice.Storage.Disks;

namespace Sluice.Node.Succession;

/// <summary>An image that a predecessor has mounted. Its disks are opened once, when one of them is needed.</summary>
internal sealed class LateImage
{
    /// <summary>After a failure, as with damaged metadata, reads fail for so long before it is tried again.</summary>
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly MountRecord _record;
    private readonly Func<Task<IReadOnlyList<IDisk>>> _open;
    private readonly Action<string> _log;
    private readonly Func<TimeSpan> _deadline;
    private Task<bool>? _opening;

    /// <param name="open">Opens the disks, which have the names of the record.</param>
    /// <param name="deadline">For whoever waits.</param>
    public LateImage(MountRecord record, Func<Task<IReadOnlyList<IDisk>>> open, Func<TimeSpan> deadline, Action<string> log)
    {
        (_record, _open, _log, _deadline) = (record, open, log, deadline);
        Disks = [.. record.Disks.Select(disk => new LateDisk(disk.Name, disk.Length, this))];
    }

    public IReadOnlyList<LateDisk> Disks { get; }

    /// <summary>False if the disks can't be opened, or not within the deadline.</summary>
    public async Task<bool> TryOpenAsync()
    {
        Task<bool> opening;
        lock (_gate) opening = _opening ??= Task.Run(OpenAsync);
        try
        {
            return await opening.WaitAsync(_deadline());
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private async Task<bool> OpenAsync()
    {
        try
        {
            IReadOnlyList<IDisk> disks = await _open();
            try
            {
                Check(disks);
            }
            catch
            {
                foreach (IDisk disk in disks) disk.Dispose();
                throw;
            }

            for (int i = 0; i < disks.Count; i++) Disks[i].Opened(disks[i]);
            return true;
        }
        catch (Exception failed)
        {
            _log($"{_record.Reference}: mounted by an earlier process on {_record.Target}, and its disks can't be opened: {failed.Message}");
            _ = Task.Delay(RetryAfter).ContinueWith(_ => Forget(), TaskScheduler.Default);
            return false;
        }
    }

    private void Forget()
    {
        lock (_gate) _opening = null;
    }

    /// <summary>The kernel goes on reading them as what they were when they were mounted.</summary>
    private void Check(IReadOnlyList<IDisk> disks)
    {
        if (disks.Count == Disks.Count && disks.Zip(Disks).All(pair => pair.First.Name == pair.Second.Name && pair.First.Length == pair.Second.Length)) return;
        throw new SluiceException(SluiceError.Image, _record.Reference, "its metadata makes other disks than those that are mounted");
    }
}
