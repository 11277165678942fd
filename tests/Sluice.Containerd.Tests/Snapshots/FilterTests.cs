using Sluice.Containerd.Grpc;
using Sluice.Containerd.Snapshots;
using Sluice.Containerd.Snapshots.Filters;

namespace Sluice.Containerd.Tests.Snapshots;

public sealed class FilterTests
{
    private static readonly SnapshotInfo Snapshot = new(
        "default/7/sha256:abc", "default/3/base", SnapshotKind.Committed, default, default,
        new Dictionary<string, string> { ["containerd.io/snapshot.ref"] = "sha256:abc", ["color"] = "dark green", ["a.b"] = "nested" });

    [Theory]
    [InlineData("", true)]
    [InlineData("labels.\"containerd.io/snapshot.ref\"==sha256:abc,parent==\"default/3/base\"", true)]
    [InlineData("labels.\"containerd.io/snapshot.ref\"==sha256:abd,parent==\"default/3/base\"", false)]
    [InlineData("labels.\"containerd.io/snapshot.ref\"==sha256:abc,parent==\"\"", false)]
    [InlineData("name==default/7/sha256:abc", true)]
    [InlineData("name == default/7/sha256:abc , kind == committed", true)]
    [InlineData("name==\"default/7/sha256\\x3aabc\"", true)]
    [InlineData("kind==active", false)]
    [InlineData("kind!=active", true)]
    [InlineData("kind", true)]
    [InlineData("labels.color", true)]
    [InlineData("labels.size", false)]
    [InlineData("labels.size!=big", true)]
    [InlineData("labels.size==\"\"", false)]
    [InlineData("labels.size!=\"\"", false)]
    [InlineData("labels.color==\"dark green\"", true)]
    [InlineData("labels.color==\"dark\\u0020green\"", true)]
    [InlineData("labels.a.b==nested", true)]
    [InlineData("labels.\"a.b\"==nested", true)]
    [InlineData("labels.color~=gre+n", true)]
    [InlineData("labels.color~=/^dark (green|blue)$/", true)]
    [InlineData("labels.color~=|^green|", false)]
    [InlineData("labels.size~=^$", true)]
    [InlineData("nothing", false)]
    [InlineData("nothing.at.all!=x", true)]
    public void Filters_select(string filter, bool expected) => Assert.Equal(expected, SnapshotFilter.Parse(filter).Matches(Snapshot));

    [Theory]
    [InlineData("name=")]
    [InlineData("name=x")]
    [InlineData("name==")]
    [InlineData("name==a b")]
    [InlineData("==x")]
    [InlineData("name,")]
    [InlineData(",name")]
    [InlineData("labels.")]
    [InlineData("labels..x")]
    [InlineData("name==\"open")]
    [InlineData("name==\"bad \\q\"")]
    [InlineData("name==\"bad \\x4\"")]
    [InlineData("name==\"bad \\U99999999\"")]
    [InlineData("name==/not for equality/")]
    [InlineData("name~=(")]
    [InlineData("name~=(a)\\1")]
    [InlineData("name!==x")]
    [InlineData("näme")]
    public void Anything_else_is_an_invalid_argument(string filter) =>
        Assert.Equal(GrpcStatusCode.InvalidArgument, Assert.Throws<GrpcException>(() => SnapshotFilter.Parse(filter)).Status);

    [Fact]
    public void Mutations_parse_or_are_refused()
    {
        const string alphabet = "labels.nmekid\"'/|\\=!~,. \n\t\0xuU0179(){}[]*+?^$äé漢";
        Random random = new(7);
        for (int i = 0; i < 20_000; i++)
        {
            char[] text = "labels.\"containerd.io/snapshot.ref\"==sha256:abc,parent~=/x+/".ToCharArray();
            for (int flips = random.Next(1, 6); flips > 0; flips--) text[random.Next(text.Length)] = alphabet[random.Next(alphabet.Length)];
            string filter = new(text, 0, random.Next(1, text.Length + 1));
            try
            {
                SnapshotFilter.Parse(filter).Matches(Snapshot);
            }
            catch (GrpcException exception)
            {
                Assert.Equal(GrpcStatusCode.InvalidArgument, exception.Status);
            }
        }
    }
}
