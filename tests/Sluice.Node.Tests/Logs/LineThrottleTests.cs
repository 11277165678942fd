using Sluice.Node.Logs;
using Sluice.Node.Tests.Support;

namespace Sluice.Node.Tests.Logs;

public sealed class LineThrottleTests
{
    [Fact]
    public void RepeatedLinesAreCountedAndSaidOnce()
    {
        SteppedTime time = new();
        LineThrottle throttle = new(time);
        int written = Enumerable.Range(0, 1000).Count(_ => throttle.Admits(41, "r/app:v1"));
        Assert.Equal(LineThrottle.MostLines, written);
        Assert.True(throttle.Admits(41, "r/other:v1"));
        Assert.True(throttle.Admits(43, "r/app:v1"));
        Assert.Empty(throttle.TakeLeftOut());

        time.Advance(LineThrottle.Window);
        Assert.Equal([(41, "r/app:v1", 1000L - LineThrottle.MostLines)], throttle.TakeLeftOut());
        Assert.Empty(throttle.TakeLeftOut());
        Assert.True(throttle.Admits(41, "r/app:v1"));
    }

    [Fact]
    public void KindsWithoutEndTakeNoMemoryWithoutEnd()
    {
        SteppedTime time = new();
        LineThrottle throttle = new(time);
        Assert.All(Enumerable.Range(0, 5000), kind => Assert.True(throttle.Admits(1, $"{kind}")));
        time.Advance(LineThrottle.Window);
        Assert.Empty(throttle.TakeLeftOut());
    }
}
