namespace Sluice.Node.Tests.Support;

/// <summary>A clock that stands still until the test moves it. It has no timers.</summary>
internal sealed class SteppedTime : TimeProvider
{
    private TimeSpan _now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _now.Ticks;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch + _now;

    public void Advance(TimeSpan step) => _now += step;
}
