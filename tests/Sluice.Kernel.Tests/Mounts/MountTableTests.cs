using System.Text;
using Sluice.Kernel.Mounts;

namespace Sluice.Kernel.Tests.Mounts;

public sealed class MountTableTests
{
    [Fact]
    public void Lines_are_taken_apart_and_escapes_resolved()
    {
        IReadOnlyList<MountEntry> entries = MountTable.Parse(
            "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n"u8 +
            "37 36 0:52 / /a\\040b\\134c\\011\\012 rw - fuse.sluice sluice\\040x ro,user_id=0\n"u8);
        Assert.Equal(new MountEntry(36, 98, 0, "/mnt1", "/mnt2", "rw,noatime", "ext3", "/dev/root", "rw,errors=continue"), entries[0]);
        Assert.Equal(new MountEntry(37, 0, 52, "/", "/a b\\c\t\n", "rw", "fuse.sluice", "sluice x", "ro,user_id=0"), entries[1]);
        Assert.False(entries[0].IsReadOnly);
        Assert.True(entries[1].IsReadOnly);
    }

    [Theory]
    [InlineData("")]
    [InlineData("36 35")]
    [InlineData("36 35 98 / / rw - a b c")]
    [InlineData("x 35 98:0 / / rw - a b c")]
    [InlineData("36 35 98:0 / / rw a b c")]
    [InlineData("36 35 98:0 / / rw - a")]
    public void Other_lines_are_passed_over(string line) => Assert.Empty(MountTable.Parse(Encoding.UTF8.GetBytes(line)));

    [Fact]
    public void The_topmost_mount_at_a_path_is_found()
    {
        ReadOnlySpan<byte> table =
            "1 0 98:0 / / rw - ext4 /dev/root rw\n"u8 +
            "2 1 0:52 / /a\\040b rw - fuse one ro\n"u8 +
            "3 1 0:53 / /plain rw - tmpfs one rw\n"u8 +
            "4 1 0:54 / /plain rw - tmpfs two rw\n"u8 +
            "5 1 0:55 / /plain/below rw - tmpfs three rw\n"u8 +
            "6 1 0:56 /plain /elsewhere rw - tmpfs four rw,upperdir=/ /plain \n"u8;
        Assert.Equal(4, MountTable.FindIn(table, "/plain")?.Id);
        Assert.Equal(2, MountTable.FindIn(table, "/a b")?.Id);
        Assert.Equal(1, MountTable.FindIn(table, "/")?.Id);
        Assert.Null(MountTable.FindIn(table, "/plai"));
    }

    [Fact]
    public void The_root_is_found() => Assert.NotNull(MountTable.Find("/"));

    [Fact]
    public void Mutated_tables_never_throw()
    {
        var random = new Random(5);
        byte[] table = File.ReadAllBytes("/proc/self/mountinfo");
        for (int i = 0; i < 2000; i++)
        {
            byte[] mutated = (byte[])table.Clone();
            for (int j = 0; j < 5; j++) mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            MountTable.Parse(mutated);
        }
    }
}
