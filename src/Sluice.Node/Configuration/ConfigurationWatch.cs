using Microsoft.Extensions.Logging;
using Sluice.Formats;

namespace Sluice.Node.Configuration;

/// <summary>
/// Reloads the configuration when its file, or a file of mirrors and certificates (<c>registry.hosts_dir</c>), changes, and on demand. It looks at them now and then: replaced files, symbolic links that are
/// turned (as Kubernetes does) and file systems without notification are all the same to it.
/// </summary>
internal sealed partial class ConfigurationWatch : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private readonly LiveConfiguration _configuration;
    private readonly ILogger _logger;
    private readonly ITimer? _timer;
    private readonly Lock _gate = new();
    private (DateTime Written, long Length, string Hosts) _seen;

    public ConfigurationWatch(LiveConfiguration configuration, ILogger logger, TimeProvider time)
    {
        (_configuration, _logger) = (configuration, logger);
        if (configuration.File is null) return;
        _seen = Look();
        _timer = time.CreateTimer(static state => ((ConfigurationWatch)state!).LookAgain(), this, Interval, Interval);
    }

    /// <summary>Reads the configuration again and says in the log what came of it.</summary>
    /// <exception cref="SluiceException">It is wrong or can't be read; the old one holds.</exception>
    public ReloadedConfiguration Reload()
    {
        try
        {
            ReloadedConfiguration result = _configuration.Reload();
            if (result.Changed.Count > 0) Log.Changed(_logger, string.Join(", ", result.Changed));
            if (result.Restart.Count > 0) Log.NeedsRestart(_logger, string.Join(", ", result.Restart));
            if (result.Changed.Count + result.Restart.Count == 0) Log.Same(_logger);
            return result;
        }
        catch (SluiceException exception)
        {
            Log.Wrong(_logger, exception.Message);
            throw;
        }
        catch (Exception exception)
        {
            // Callers are timers and signal handlers: what nobody has thought of must not end the daemon.
            Log.Wrong(_logger, exception.ToString());
            throw new SluiceException(SluiceError.Configuration, _configuration.File ?? "configuration", exception.Message, inner: exception);
        }
    }

    public void Dispose() => _timer?.Dispose();

    private void LookAgain()
    {
        lock (_gate)
        {
            (DateTime, long, string) now = Look();
            if (now == _seen) return;
            _seen = now;
        }

        try
        {
            Reload();
        }
        catch (SluiceException)
        {
            // It was logged, and will be read again when it changes again.
        }
    }

    /// <summary>Follows symbolic links; all zero for a file that is not there.</summary>
    private (DateTime Written, long Length, string Hosts) Look()
    {
        string hosts = HostFiles.Look(_configuration.Current.Sources.HostDirectories);
        try
        {
            var file = new FileInfo(_configuration.File!);
            if (file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target) file = target;
            return file.Exists ? (file.LastWriteTimeUtc, file.Length, hosts) : (default, default, hosts);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return (default, default, hosts);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(80, LogLevel.Information, "The configuration was read again; changed: {Keys}")]
        public static partial void Changed(ILogger logger, string keys);

        [LoggerMessage(81, LogLevel.Warning, "The configuration was read again; restart needed for: {Keys}")]
        public static partial void NeedsRestart(ILogger logger, string keys);

        [LoggerMessage(82, LogLevel.Information, "The configuration was read again; nothing has changed")]
        public static partial void Same(ILogger logger);

        [LoggerMessage(83, LogLevel.Error, "The configuration is wrong and the old one holds: {Reason}")]
        public static partial void Wrong(ILogger logger, string reason);
    }
}
