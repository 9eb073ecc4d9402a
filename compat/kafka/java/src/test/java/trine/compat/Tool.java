package trine.compat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** One of Apache's command line tools, run the way its script does: a process with the jars as class path. */
record Tool(int code, String output) {
    private static final int TIMEOUT_S = 60;
    private static final List<String> JAVA = List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx192m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC");
    /** Jars only: the JVM archives no classes of directories. */
    private static final String CLASS_PATH = Stream.of(
                    System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))
                            .split(File.pathSeparator))
            .filter(entry -> entry.endsWith(".jar")).collect(Collectors.joining(File.pathSeparator));
    /** Loaded classes shared by the processes, which halves the time each needs to start. */
    private static final Path ARCHIVE = archive();

    private static Path archive() {
        Path archive = Path.of("target", "tools.jsa").toAbsolutePath();
        if (!Files.exists(archive)) {
            start("", List.of("-XX:ArchiveClassesAtExit=" + archive), "TopicCommand", "--list");
        }
        return archive;
    }

    static Tool run(String main, String... args) {
        return runWithInput("", main, args);
    }

    static Tool runWithInput(String input, String main, String... args) {
        return start(input, List.of("-XX:SharedArchiveFile=" + ARCHIVE), main, args);
    }

    private static Tool start(String input, List<String> options, String main, String... args) {
        List<String> command = new ArrayList<>(JAVA);
        command.addAll(options);
        command.addAll(List.of("-cp", CLASS_PATH, "org.apache.kafka.tools." + main, "--bootstrap-server", Kafka.BOOTSTRAP));
        command.addAll(List.of(args));
        try {
            Path out = Files.createTempFile("tool", ".out");
            Path in = Files.writeString(Files.createTempFile("tool", ".in"), input);
            try {
                Process process = new ProcessBuilder(command).redirectErrorStream(true)
                        .redirectInput(in.toFile()).redirectOutput(out.toFile()).start();
                boolean ended = process.waitFor(TIMEOUT_S, TimeUnit.SECONDS);
                if (!ended) {
                    process.destroyForcibly().waitFor();
                }
                String text = Files.readString(out, StandardCharsets.UTF_8);
                assertTrue(ended, main + " did not end:\n" + text);
                return new Tool(process.exitValue(), text);
            } finally {
                Files.delete(out);
                Files.delete(in);
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            throw new AssertionError("interrupted in " + main, e);
        }
    }

    /** A file with this content that lives as long as the process. */
    static String file(String content) {
        try {
            File file = File.createTempFile("tool", ".json");
            file.deleteOnExit();
            return Files.writeString(file.toPath(), content).toString();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    Tool ok() {
        assertEquals(0, code, output);
        return this;
    }

    Tool says(String text) {
        assertTrue(output.contains(text), () -> "no \"" + text + "\" in:\n" + output);
        return this;
    }

    Tool matches(String regex) {
        find(regex);
        return this;
    }

    /** The first group of the expression, which must be found. */
    String find(String regex) {
        Matcher matcher = Pattern.compile(regex, Pattern.MULTILINE).matcher(output);
        assertTrue(matcher.find(), () -> "no /" + regex + "/ in:\n" + output);
        return matcher.groupCount() > 0 ? matcher.group(1) : matcher.group();
    }
}
