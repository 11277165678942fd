using System.Runtime.InteropServices;

namespace Sluice.Cli;

/// <summary>SIGTERM, SIGINT and, unless it means something else, SIGHUP as a task: a server that hears one ends in order, with exit code 0.</summary>
internal sealed class StopSignal : IDisposable
{
    private readonly CancellationTokenSource _stop;
    private readonly TaskCompletionSource _signalled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration[] _registrations;
    private readonly Action? _hangUp;

    /// <param name="hangUp">What SIGHUP does; null: it ends the server, too.</param>
    public StopSignal(CancellationToken cancellation, Action? hangUp = null)
    {
        _hangUp = hangUp;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _stop.Token.Register(() => _signalled.TrySetResult());
        _registrations = [.. new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGHUP }.Select(signal => PosixSignalRegistration.Create(signal, OnSignal))];
    }

    /// <summary>Cancelled by the first signal: ends a start that is under way.</summary>
    public CancellationToken Token => _stop.Token;

    public Task Signalled => _signalled.Task;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations) registration.Dispose();
        _stop.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        if (context.Signal == PosixSignal.SIGHUP && _hangUp is not null)
        {
            _hangUp();
            return;
        }

        try
        {
            _stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The command has ended meanwhile: the same signal cancels the token that it was given, too.
        }
    }
}
