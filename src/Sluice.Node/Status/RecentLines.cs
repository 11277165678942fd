using Microsoft.Extensions.Logging;

namespace Sluice.Node.Status;

/// <summary>
/// Remembers the latest warnings and errors of the log, for people who ask the daemon and not the log. Lines with the same event and image
/// are one, with a count. All members may be called concurrently.
/// </summary>
public sealed class RecentLines(TimeProvider? time = null) : ILoggerProvider, ILogger
{
    /// <summary>Kinds of lines that are remembered; the one that was written longest ago is forgotten first.</summary>
    private const int Most = 20;

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Lock _gate = new();
    private readonly Dictionary<(int Event, string? Image), RecentLine> _lines = [];
    private long _warnings, _errors;

    /// <summary>Warnings since the start.</summary>
    public long Warnings => Volatile.Read(ref _warnings);

    /// <summary>Errors since the start.</summary>
    public long Errors => Volatile.Read(ref _errors);

    /// <summary>The latest first.</summary>
    public IReadOnlyList<RecentLine> Lines()
    {
        lock (_gate) return [.. _lines.Values.OrderByDescending(line => line.At)];
    }

    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => logLevel is >= LogLevel.Warning and not LogLevel.None;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel)) return;
        Interlocked.Increment(ref logLevel == LogLevel.Warning ? ref _warnings : ref _errors);
        string? image = (state as IReadOnlyList<KeyValuePair<string, object?>>)?.FirstOrDefault(field => field.Key == "Image").Value?.ToString();
        string message = formatter(state, exception) + (exception is null ? "" : $": {exception.Message}");
        lock (_gate)
        {
            long count = _lines.TryGetValue((eventId.Id, image), out RecentLine? known) ? known.Count + 1 : 1;
            _lines[(eventId.Id, image)] = new RecentLine(_time.GetUtcNow(), logLevel == LogLevel.Warning ? "warning" : "error", eventId.Id, image, message, count);
            if (_lines.Count > Most) _lines.Remove(_lines.MinBy(line => line.Value.At).Key);
        }
    }

    public void Dispose()
    {
    }
}
