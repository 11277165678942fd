using Sluice.Containerd.Snapshots;

namespace Sluice.Containerd.Tests.Snapshots;

public sealed class SnapshotKeyTests
{
    [Theory]
    [InlineData("default/12/extract-5 sha256:abc", "default", "12", "extract-5 sha256:abc")]
    [InlineData("k8s.io/1/a/b", "k8s.io", "1", "a/b")]
    public void Keys_have_three_parts(string text, string containerNamespace, string sequence, string key)
    {
        Assert.True(SnapshotKey.TryParse(text, out SnapshotKey parsed));
        Assert.Equal(new SnapshotKey(containerNamespace, sequence, key), parsed);
        Assert.Equal(text, parsed.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/1/x")]
    [InlineData("a/b/c")]
    [InlineData("a/1")]
    [InlineData("a/1/")]
    [InlineData("a//x")]
    [InlineData("/tmp/work/preparing")]
    public void Other_texts_are_no_keys(string text) => Assert.False(SnapshotKey.TryParse(text, out _));
}
