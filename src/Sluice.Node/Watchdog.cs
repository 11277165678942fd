using Microsoft.Extensions.Logging;
using Sluice.Formats;
using Sluice.Kernel.Keeper;

namespace Sluice.Node;

/// <summary>
/// Tells the service manager that this process lives (<c>WatchdogSec=</c>), four times in the time that it is given, and only if the process answers itself. While it starts and while it leaves, when there is
/// nobody to answer, it is told for a bounded time.
/// </summary>
public sealed partial class Watchdog : IAsyncDisposable
{
    /// <summary>As long as the units give a start and a stop.</summary>
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(5), LeaveLimit = TimeSpan.FromMinutes(2);

    private readonly TimeSpan _period;
    private readonly Action _tell;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watching;
    private volatile Func<CancellationToken, Task<string?>>? _check;
    private long _unchecked; // since when nothing is checked
    private TimeSpan _limit = StartLimit;

    internal Watchdog(TimeSpan time, Action tell, ILogger logger, TimeProvider clock)
    {
        (_period, _tell, _logger, _time) = (time / 4, tell, logger, clock);
        _unchecked = clock.GetTimestamp();
        _watching = Task.Run(WatchAsync);
    }

    /// <summary>Begins; null where the service manager wants to hear nothing.</summary>
    public static Watchdog? Start(ILogger logger) => ServiceManager.WatchdogTime is { } time ? new Watchdog(time, ServiceManager.Alive, logger, TimeProvider.System) : null;

    /// <summary>From now on only who answers is alive.</summary>
    /// <param name="check">What does not answer, or null. It has half of the manager's time.</param>
    public void Serve(Func<CancellationToken, Task<string?>> check) => _check = check;

    /// <summary>The process ends what it does; nothing answers any more.</summary>
    public void Leave()
    {
        (_limit, _unchecked) = (LeaveLimit, _time.GetTimestamp());
        _check = null;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching;
        _stop.Dispose();
    }

    private async Task WatchAsync()
    {
        string? before = null;
        using PeriodicTimer timer = new(_period, _time);
        try
        {
            do
            {
                string? silent = await AskAsync();
                if (silent is not null && silent != before) Log.Silent(_logger, silent);
                else if (silent is null && before is not null) Log.Answers(_logger, before);
                before = silent;
                if (silent is null) Tell();
            }
            while (await timer.WaitForNextTickAsync(_stop.Token));
        }
        catch (OperationCanceledException)
        {
            // It is over.
        }
    }

    private async Task<string?> AskAsync()
    {
        if (_check is not { } check) return _time.GetElapsedTime(_unchecked) < _limit ? null : "what it does when it starts or ends takes too long";
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        limit.CancelAfter(_period * 2);
        try
        {
            return Unless(await check(limit.Token).WaitAsync(limit.Token));
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            return Unless("within the time");
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return Unless(exception.Message);
        }

        string? Unless(string? silent) => _check == check ? silent : null; // it may have begun to leave meanwhile
    }

    private void Tell()
    {
        try
        {
            _tell();
        }
        catch (SluiceException)
        {
            // A manager that does not listen does not watch either.
        }
    }

    private static partial class Log
    {
        [LoggerMessage(130, LogLevel.Error, "The daemon does not answer itself ({What}): the service manager is not told that it lives, and will start it again")]
        public static partial void Silent(ILogger logger, string what);

        [LoggerMessage(131, LogLevel.Information, "The daemon answers itself again ({What})")]
        public static partial void Answers(ILogger logger, string what);
    }
}
