using System.Diagnostics;
using Sluice.Build.Check;
using Sluice.Build.Commit;
using Sluice.Build.Tests.Support;
using Sluice.Formats;
using Sluice.Formats.Tar;
using Sluice.Formats.Trees;
using Sluice.Testing.Ext4;
using Sluice.Testing.Images;

namespace Sluice.Build.Tests.Commit;

/// <summary>overlayfs upper directories become layers.</summary>
public sealed class DirectoryChangesTests
{
    private const string Time = "2023-11-14T22:13:20.123456789Z"; // TestLayer.Time

    private static readonly string Fill = $$"""
        cd "$0"
        mkdir -m 755 usr usr/bin new; mknod gone c 0 0
        printf hello > new/file; chmod 4755 new/file; setfattr -n user.note -v hi new/file
        ln new/file new/name
        ln -s ../x new/link
        mknod new/null c 1 3; mknod new/disk b 259 70000; mkfifo new/pipe; chmod 666 new/null new/disk; chmod 644 new/pipe
        truncate -s 40960 new/sparse; printf 0123 | dd of=new/sparse bs=1 seek=20480 conv=notrunc status=none
        mkdir -m 700 etc; setfattr -n trusted.overlay.opaque -v y etc; printf new > etc/only
        printf x > "$(printf 'b\377\376x')"
        python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("new/socket")'
        printf w > new/.wh.odd
        mknod usr/zeros c 0 0
        chmod 644 new/sparse etc/only b*x; chown 5:6 etc
        find . -exec touch -h -d {{Time}} {} +
        """;

    [Fact]
    public void A_file_that_was_replaced_by_a_pipe_or_a_link_is_neither_waited_for_nor_followed()
    {
        using var directory = new Sluice.Testing.TemporaryDirectory();
        string path = Path.Combine(directory.Path, "f"), other = Path.Combine(directory.Path, "other");
        File.WriteAllText(path, "x");
        using UpperReader reader = UpperReader.Open(directory.Path);
        UpperNode node = reader.Find(new FileName("f"))!;
        File.Move(path, other);
        Process.Start("mkfifo", [path])!.WaitForExit();
        Assert.Contains("was replaced", Assert.Throws<SluiceException>(() => reader.OpenFile(new FileName("f"), node)).Message, StringComparison.Ordinal);
        File.Delete(path);
        File.CreateSymbolicLink(path, other);
        Assert.Throws<SluiceException>(() => reader.OpenFile(new FileName("f"), node));
        File.Delete(path);
        File.WriteAllText(path, "y");
        Assert.Throws<SluiceException>(() => reader.OpenFile(new FileName("f"), node));
        File.Move(other, path, overwrite: true);
        Assert.True(reader.OpenFile(new FileName("f"), node) > 0);
    }

    [Fact]
    public void A_file_of_countless_holes_does_not_fill_the_disk()
    {
        using var directory = new Sluice.Testing.TemporaryDirectory();
        using (FileStream file = File.Create(Path.Combine(directory.Path, "holes")))
        {
            for (long i = 0; i < 70_000; i++)
            {
                file.Position = i << 15;
                file.WriteByte(1);
                file.Flush();
            }
        }

        SluiceException refused = Assert.Throws<SluiceException>(() => DirectoryChanges.Read([directory.Path], TestContext.Current.CancellationToken));
        Assert.Contains("/holes", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_directory_makes_the_tree_that_the_layer_would()
    {
        TestImage Base() => Samples.Everything();
        await using CommitWorkshop shop = await CommitWorkshop.CreateAsync(Base());
        await Base().Layer(l => l
            .Directory("").Directory("usr").Whiteout("usr/zeros").Directory("usr/bin").Directory("new").Whiteout("gone")
            .File(new("new/file"), "hello"u8.ToArray(), 0x9ED, 0, ("user.note", "hi")).HardLink("new/name", "new/file").Link("new/link", "../x")
            .Device("new/null", TarEntryType.CharacterDevice, 1, 3).Device("new/disk", TarEntryType.BlockDevice, 259, 70_000).Fifo("new/pipe")
            .File("new/sparse", [.. new byte[20480], .. "0123"u8, .. new byte[20476]])
            .Add(new TarEntry { Path = new("etc"), Type = TarEntryType.Directory, Mode = 0x1C0, UserId = 5, GroupId = 6, ModificationTime = TestLayer.Time }).Opaque("etc").File("etc/only", "new")
            .File(Samples.NotUtf8, "x"u8.ToArray())).StoreAsync(shop.Workshop.Source, "expected");
        string upper = Upper(shop, Fill);

        using DirectoryChanges changes = DirectoryChanges.Read([upper], CancellationToken.None);
        Assert.Equal(["'new/.wh.odd' would be taken for a whiteout; it is left out", "the socket 'new/socket' is left out"], changes.Warnings);
        await shop.CommitAsync("a", "b", CommitWorkshop.Options, await changes.PackAsync(await shop.ImageAsync(), CommitWorkshop.Options, CancellationToken.None));
        Assert.Empty((await shop.Workshop.CheckAsync(new CheckOptions(), "expected", "b")).Differences.Select(d => d.ToString()));
        E2fs.AssertClean(await shop.DeviceAsync("b"));

        // And always the same.
        using DirectoryChanges again = DirectoryChanges.Read([upper], CancellationToken.None);
        CommitResult first = await shop.CommitAsync("a", "c", CommitWorkshop.Options, await again.PackAsync(await shop.ImageAsync(), CommitWorkshop.Options, CancellationToken.None));
        Assert.Equal((await shop.ImageAsync("b")).Stored.Digest, first.Manifest.Digest);
    }

    [Theory]
    [InlineData("mkdir d; setfattr -n trusted.overlay.redirect -v /etc d", "redirect_dir")]
    [InlineData("touch f; setfattr -n trusted.overlay.metacopy f", "metacopy")]
    public async Task Content_of_another_place_is_refused(string script, string says)
    {
        await using CommitWorkshop shop = await CommitWorkshop.CreateAsync();
        string upper = Upper(shop, $"cd \"$0\"; {script}");
        SluiceException refused = Assert.Throws<SluiceException>(() => DirectoryChanges.Read([upper], CancellationToken.None));
        Assert.Equal(SluiceError.Kernel, refused.Error);
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
    }

    private static string Upper(CommitWorkshop shop, string script)
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("trusted attributes and devices need root");
        string upper = Directory.CreateDirectory(shop.Workshop.File("upper")).FullName;
        using Process process = Process.Start(new ProcessStartInfo("/bin/sh", ["-ec", script, upper]) { RedirectStandardError = true })!;
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, errors);
        return upper;
    }
}
