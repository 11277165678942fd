using System.Security.Cryptography;

namespace Sluice.Storage.Sources.Registries;

/// <summary>How long to wait between attempts: exponential with jitter, or what the registry asked for.</summary>
/// <param name="longestAsked">Longest wait that is spent here because the registry asked for it; null: <see cref="SourceOptions.LongestDelay"/>.</param>
internal sealed class RetrySchedule(SourceOptions options, TimeSpan? longestAsked = null)
{
    private int _failures;
    private RegistryFault? _last;

    /// <summary>Forgets failures after real progress.</summary>
    public void Reset() => (_failures, _last) = (0, null);

    /// <summary>Attempts until one succeeds, fails for good, or was the last. A cancellation tells what <see cref="Explain"/> adds.</summary>
    public async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> attempt, CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                RegistryFault fault;
                try
                {
                    return await attempt(cancellation).ConfigureAwait(false);
                }
                catch (RegistryFault failed)
                {
                    fault = failed;
                }

                await WaitAsync(fault, cancellation).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException cancelled)
        {
            throw Explain(cancelled);
        }
    }

    /// <summary>A cancellation that carries why the attempts before it failed, as its inner exception, if they did: who set a time limit wants to know.</summary>
    public OperationCanceledException Explain(OperationCanceledException cancelled) =>
        _last is null || cancelled.InnerException is RegistryFault ? cancelled : new OperationCanceledException(cancelled.Message, _last, cancelled.CancellationToken);

    /// <summary>Waits before the next attempt, or throws the fault if it is not worth one.</summary>
    public async Task WaitAsync(RegistryFault fault, CancellationToken cancellation)
    {
        _last = fault;
        if (!fault.Transient || ++_failures >= options.Attempts || fault.RetryAfter > (longestAsked ?? options.LongestDelay)) throw fault;
        await Task.Delay(Delay(_failures, fault.RetryAfter), options.Time, cancellation).ConfigureAwait(false);
    }

    private TimeSpan Delay(int failures, TimeSpan? asked)
    {
        // Between half and one and a half of the mean, so that many nodes that failed together do not come back together.
        double jitter = 0.5 + (RandomNumberGenerator.GetInt32(1024) / 1024.0);
        double mean = Math.Min(options.FirstDelay.TotalMilliseconds * Math.Pow(2, failures - 1), options.LongestDelay.TotalMilliseconds / 1.5);
        TimeSpan delay = TimeSpan.FromMilliseconds(mean * jitter);
        return asked > delay ? asked.Value + TimeSpan.FromMilliseconds(Math.Min(mean, 250) * (jitter - 0.5)) : delay;
    }
}
