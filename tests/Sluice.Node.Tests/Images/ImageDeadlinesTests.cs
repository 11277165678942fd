using Sluice.Node.Configuration;
using Sluice.Node.Images;
using Sluice.Storage.Fetching;

namespace Sluice.Node.Tests.Images;

public sealed class ImageDeadlinesTests
{
    [Fact]
    public void What_is_mounted_follows_the_configuration()
    {
        using Fetcher fetcher = new(new FetchOptions { RequestDeadline = TimeSpan.FromSeconds(60) });
        ImageDeadlines deadlines = new([new ImageDeadline("r.example/batch/*", TimeSpan.FromSeconds(600))], fetcher);
        Func<TimeSpan> batch = deadlines.Of("docker://r.example/batch/a:v1"), other = deadlines.Of("docker://r.example/web:v1");
        Assert.Equal((600, 60), (batch().TotalSeconds, other().TotalSeconds));
        deadlines.Apply([new ImageDeadline("*/web:*", TimeSpan.FromSeconds(5))]);
        fetcher.Apply(new FetchOptions { RequestDeadline = TimeSpan.FromSeconds(30) });
        Assert.Equal((30, 5), (batch().TotalSeconds, other().TotalSeconds));
    }
}
